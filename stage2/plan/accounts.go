package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
)

// accounts creates users and sets passwords. Hashes go to the program by its
// standard input, never as an argument, which logs and ps would show.
type accounts struct {
	base
	root   config.Login
	groups []config.Group
	users  []config.User
	keys   []config.SSHKey
	ssh    bool // sshd takes root's password
}

func (s accounts) Run(ctx context.Context, env *Env) error {
	for _, g := range s.groups {
		if err := createGroup(ctx, env, g); err != nil {
			return fmt.Errorf("create the group %s: %w", g.Name, err)
		}
	}
	users, err := numbered(env, s.users)
	if err != nil {
		return err
	}
	for _, u := range users {
		if err := createUser(ctx, env, u); err != nil {
			return fmt.Errorf("create the user %s: %w", u.Name, err)
		}
	}
	var input strings.Builder
	for _, u := range append([]config.User{{Name: "root", Login: s.root}}, s.users...) {
		input.WriteString(u.Name + ":" + shadowField(u.Login) + "\n")
	}
	c := host.Command{Args: []string{"chpasswd", "-e", "-R", Target}, Stdin: input.String()}
	if err := runIn(ctx, env, c); err != nil {
		return fmt.Errorf("set the passwords: %w", err)
	}
	if s.ssh {
		if err := letRootIn(env); err != nil {
			return err
		}
	}
	return s.authorize(ctx, env)
}

// letRootIn has sshd(8) take root's password. Of its settings the first counts, so the name is
// Anaconda's, before those of others.
func letRootIn(env *Env) error {
	const dir = Target + "/etc/ssh/sshd_config.d"
	if err := env.Host.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	return etc(env, "ssh/sshd_config.d/01-permitrootlogin.conf", "# Written by the installer: rootpw --allow-ssh.\nPermitRootLogin yes\n")
}

// authorize writes the SSH keys of each user, who then owns them.
func (s accounts) authorize(ctx context.Context, env *Env) error {
	keys := map[string][]string{}
	for _, k := range s.keys {
		keys[k.User] = append(keys[k.User], k.Key)
	}
	for _, user := range slices.Sorted(maps.Keys(keys)) {
		home, err := homeOf(env, user)
		if err != nil {
			return err
		}
		dir := home + "/.ssh"
		if err := env.Host.MkdirAll(Target+dir, 0o700); err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
		if err := addLines(env, Target+dir+"/authorized_keys", keys[user]); err != nil {
			return fmt.Errorf("write the SSH keys of %s: %w", user, err)
		}
		if err := inTarget(ctx, env, "chown", "-R", user+":", dir); err != nil {
			return fmt.Errorf("give %s the SSH keys: %w", user, err)
		}
	}
	return nil
}

// addLines adds to a file what isn't in it: a home that is kept has keys already.
func addLines(env *Env, file string, lines []string) error {
	old, err := env.Host.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := string(old)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	for _, l := range lines {
		if !strings.Contains("\n"+text, "\n"+l+"\n") {
			text += l + "\n"
		}
	}
	return env.Host.WriteFile(file, []byte(text), 0o600)
}

func homeOf(env *Env, user string) (string, error) {
	users, err := column(env, "passwd", 0)
	if err != nil {
		return "", err
	}
	homes, err := column(env, "passwd", 5)
	if i := slices.Index(users, user); err == nil && i >= 0 && len(homes) == len(users) {
		return homes[i], nil
	}
	return "", fmt.Errorf("the new system has no user %s with a home", user)
}

// createGroup adds g, unless it is there.
func createGroup(ctx context.Context, env *Env, g config.Group) error {
	there, err := column(env, "group", 0)
	if err != nil {
		return err
	}
	if i := slices.Index(there, g.Name); i >= 0 {
		ids, err := column(env, "group", 2)
		if err == nil && g.GID != 0 && i < len(ids) && ids[i] != strconv.Itoa(g.GID) {
			warn(env, fmt.Sprintf("the group %s is there already, with the number %s: it keeps that", g.Name, ids[i]))
		}
		return err
	}
	args := []string{"groupadd", "--prefix", Target}
	if g.GID != 0 {
		args = append(args, "--gid", strconv.Itoa(g.GID))
	}
	return run(ctx, env, append(args, g.Name)...)
}

// shadowField is the password field of shadow(5): "!" locks.
func shadowField(l config.Login) string {
	if l.Hash == "" || l.Locked {
		return "!" + l.Hash
	}
	return l.Hash
}

// createUser adds u, unless an earlier try or a package has.
func createUser(ctx context.Context, env *Env, u config.User) error {
	users, err := column(env, "passwd", 0)
	if err != nil {
		return err
	}
	if err := createGroups(ctx, env, u); err != nil {
		return err
	}
	if i := slices.Index(users, u.Name); i >= 0 {
		return joinGroups(ctx, env, u, i)
	}
	if u.Shell != "" && !exists(env, Target+u.Shell) {
		warn(env, fmt.Sprintf("the login shell %s of the user %s is not there", u.Shell, u.Name))
	}
	args := []string{"useradd", "--prefix", Target, "--create-home", "--user-group"}
	group, err := ownGroup(env, u)
	if err != nil {
		return err
	}
	if group != "" {
		args = []string{"useradd", "--prefix", Target, "--create-home", "--gid", group}
	}
	for _, o := range []struct{ flag, value string }{
		{"--comment", u.Gecos}, {"--home-dir", u.Home}, {"--shell", shellFor(env, u)}, {"--groups", strings.Join(u.Groups, ",")},
	} {
		if o.value != "" {
			args = append(args, o.flag, o.value)
		}
	}
	if u.UID != 0 {
		args = append(args, "--uid", strconv.Itoa(u.UID))
	}
	return run(ctx, env, append(args, u.Name)...)
}

// ownGroup is the group that u is to be of first, if it isn't to be made: useradd makes none
// that is there, as it is when somebody else is in it too.
func ownGroup(env *Env, u config.User) (string, error) {
	if u.GID != 0 {
		return strconv.Itoa(u.GID), nil
	}
	groups, err := column(env, "group", 0)
	if err != nil || !slices.Contains(groups, u.Name) {
		return "", err
	}
	return u.Name, nil
}

// joinGroups does for a user who is there already, in line i of passwd(5), what does no harm.
func joinGroups(ctx context.Context, env *Env, u config.User, i int) error {
	for _, o := range []struct {
		field int
		asked string
	}{{2, number(u.UID)}, {5, u.Home}, {6, u.Shell}} {
		has, err := column(env, "passwd", o.field)
		if err != nil {
			return err
		}
		if o.asked != "" && i < len(has) && has[i] != o.asked {
			warn(env, fmt.Sprintf("the user %s is there already, with %s and not %s: that stays", u.Name, has[i], o.asked))
		}
	}
	if len(u.Groups) == 0 {
		return nil
	}
	return run(ctx, env, "usermod", "--prefix", Target, "--append", "--groups", strings.Join(u.Groups, ","), u.Name)
}

// numbered gives new users the numbers of those whose homes are kept, but for numbers that
// somebody asks for, and puts first who has a number: useradd gives the others the first that is free.
func numbered(env *Env, users []config.User) ([]config.User, error) {
	there, err := column(env, "passwd", 0)
	if err != nil {
		return nil, err
	}
	users, rank := slices.Clone(users), map[string]int{}
	for i, u := range users {
		if u.UID != 0 || slices.Contains(there, u.Name) {
			continue
		}
		owner := ownerOfHome(env, u)
		if owner == 0 || slices.ContainsFunc(users, func(o config.User) bool { return o.UID == owner }) {
			rank[u.Name] = 2
			continue
		}
		users[i].UID, rank[u.Name] = owner, 1
	}
	slices.SortStableFunc(users, func(x, y config.User) int { return rank[x.Name] - rank[y.Name] })
	return users, nil
}

// ownerOfHome is whom a home that is kept belongs to, so that its files are the new user's as
// they were the old one's; 0 when there is none, or somebody else has the number.
func ownerOfHome(env *Env, u config.User) int {
	info, err := env.Host.Stat(Target + cmp.Or(u.Home, "/home/"+u.Name))
	if err != nil {
		return 0
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	taken, err := column(env, "passwd", 2)
	if !ok || err != nil || st.Uid < 1000 || slices.Contains(taken, strconv.Itoa(int(st.Uid))) {
		return 0
	}
	return int(st.Uid)
}

// shellFor is the login shell of u. It is always named: useradd's own default
// is that of stage 2, which the target may not have.
func shellFor(env *Env, u config.User) string {
	switch {
	case u.Shell != "":
		return u.Shell
	case exists(env, Target+"/bin/bash"):
		return "/bin/bash"
	}
	return "/bin/sh"
}

// createGroups makes the groups of u that the target doesn't have, and says so.
func createGroups(ctx context.Context, env *Env, u config.User) error {
	there, err := column(env, "group", 0)
	if err != nil {
		return err
	}
	for _, g := range u.Groups {
		if slices.Contains(there, g) {
			continue
		}
		warn(env, fmt.Sprintf("the group %s of the user %s is not there: it is created", g, u.Name))
		if err := run(ctx, env, "groupadd", "--prefix", Target, "--system", g); err != nil {
			return err
		}
	}
	ids, err := column(env, "group", 2)
	if gid := strconv.Itoa(u.GID); err == nil && u.GID != 0 && !slices.Contains(ids, gid) {
		return run(ctx, env, "groupadd", "--prefix", Target, "--gid", gid, u.Name)
	}
	return err
}

// column is field n, from 0, of each line of the target's passwd(5) or group(5).
func column(env *Env, file string, n int) ([]string, error) {
	data, err := env.Host.ReadFile(Target + "/etc/" + file)
	if err != nil {
		return nil, fmt.Errorf("read the new system's accounts: %w", err)
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); n < len(fields) {
			out = append(out, fields[n])
		}
	}
	return out, nil
}
