package blockfs

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/loopctl/source"
)

// TestMain is also the servers that tests stop and kill: this program once more, as the
// first word of the variable says.
func TestMain(m *testing.M) {
	role := strings.Fields(os.Getenv("BLOCKFS_TEST_CHILD"))
	if len(role) == 0 {
		os.Exit(m.Run())
	}
	err := fmt.Errorf("no such child: %v", role)
	switch role[0] {
	case "web":
		err = webChild(role[1])
	case "fuse":
		err = fuseChild(role[1], role[2])
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// webChild serves a directory over HTTP and says where.
func webChild(dir string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	return http.Serve(l, http.FileServer(http.Dir(dir)))
}

// fuseChild serves a file at a directory until it is unmounted.
func fuseChild(dir, file string) error {
	ctx := context.Background()
	src, err := source.Open(ctx, file, source.Options{})
	if err != nil {
		return err
	}
	r, err := failover.New(ctx, []failover.Source{src}, failover.Options{})
	if err != nil {
		return err
	}
	s, err := Mount(ctx, dir, Config{Reader: r})
	if err != nil {
		return err
	}
	fmt.Println(s.Path())
	s.Wait()
	os.Exit(0)
	return nil
}

// child starts this program in a role; line is the first that it says.
func child(t *testing.T, role ...string) (p *os.Process, line string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "BLOCKFS_TEST_CHILD="+strings.Join(role, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v said nothing: %v", role, err)
	}
	return cmd.Process, strings.TrimSpace(line)
}
