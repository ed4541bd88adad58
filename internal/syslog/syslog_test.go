package syslog

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]string{
		"logs": "udp://logs:514", "10.0.0.1:1514": "udp://10.0.0.1:1514", "tcp://logs": "tcp://logs:514",
		"udp://[fd00::1]:6": "udp://[fd00::1]:6", "[fd00::1]": "udp://[fd00::1]:514",
		"": "", "http://x": "", "host:0": "", "host:x": "", "tcp://": "", "a b": "", "host:70000": "",
	} {
		got, err := ParseTarget(in)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v; want %q", in, got, err, want)
		}
		if again, aerr := ParseTarget(got.String()); err == nil && (aerr != nil || again != got) {
			t.Errorf("%q: %v read again is %v, %v", in, got, again, aerr)
		}
	}
}

// message is the form of RFC 5424, section 6.
const message = `^<(\d+)>1 (\S+) (\S+) molt (\d+) (\S+) - (.*)$`

func TestUDP(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target, err := ParseTarget(l.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := New(target, "molt")
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	s.Send(at, Error, "failed", "disc 2 ü")
	s.Send(at, Info, "", "two\nlines")
	s.Close(10 * time.Second)
	buf := make([]byte, 2048)
	_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
	for _, want := range []string{"11 failed disc 2 ü", "14 - two\nlines"} {
		n, _, err := l.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(strings.Replace(message, "(.*)$", "((?s).*)$", 1)).FindStringSubmatch(string(buf[:n]))
		if m == nil || m[1]+" "+m[5]+" "+m[6] != want || !strings.HasPrefix(m[2], "2026-01-02T03:04:05.678") {
			t.Errorf("%q, want %s", buf[:n], want)
		}
	}
}

// TestTCP: a server that comes late, goes away and comes back loses nothing
// that was sent before it went.
func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := Target{"tcp", l.Addr().String()}
	l.Close()
	s := New(target, "molt")
	defer s.Close(0)
	for n := range kept + 10 {
		s.Send(time.Now(), Notice, "finish", fmt.Sprintf("line %d", n))
	}
	if l, err = net.Listen("tcp", target.Address); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for n := 10; n < kept+10; n++ {
		got := frame(t, r)
		want := fmt.Sprintf("line %d", n)
		if n == 10 {
			want = "(10 messages were lost) " + want
		}
		if m := regexp.MustCompile(message).FindStringSubmatch(got); m == nil || m[6] != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

// frame reads one message of RFC 6587, 3.4.1.
func frame(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var size int
	if _, err := fmt.Fscanf(r, "%d ", &size); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, size)
	if _, err := io.ReadFull(r, buf); err != nil {
		t.Fatal(err)
	}
	return string(buf)
}

// TestNobodyThere: a server that is not there holds nobody up.
func TestNobodyThere(t *testing.T) {
	s := New(Target{"tcp", "127.0.0.1:1"}, "molt")
	start := time.Now()
	for range 100 {
		s.Send(time.Now(), Info, "", "x")
	}
	s.Close(50 * time.Millisecond)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	s.Send(time.Now(), Info, "", "after the end")
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"logs", "tcp://[::1]:514", "udp://a:b", "://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := ParseTarget(in)
		if err != nil {
			return
		}
		if again, err := ParseTarget(got.String()); err != nil || again != got {
			t.Errorf("%q: %v, again %v, %v", in, got, again, err)
		}
	})
}
