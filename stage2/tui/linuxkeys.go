package tui

// linuxKeys makes the function keys F1 to F5 of Linux's own console, ESC [ [ A to
// ESC [ [ E (drivers/tty/vt/defkeymap.map), those of a vt220, ESC [ 1 1 ~ to
// ESC [ 1 5 ~. The decoder of bubbletea passes over the first three bytes and takes the
// letter for typed. No other terminal sends them.
type linuxKeys struct{ at int } // how much of such a key has been seen

// read reads by way of f. Each byte becomes two at most, and none is kept back:
// what has come is a key now, not when the next one comes.
func (k *linuxKeys) read(p []byte, f func([]byte) (int, error)) (int, error) {
	if len(p) < 2 {
		return f(p)
	}
	in := make([]byte, len(p)/2)
	n, err := f(in)
	out := p[:0]
	for _, c := range in[:max(n, 0)] {
		out = k.put(out, c)
	}
	return len(out), err
}

func (k *linuxKeys) put(out []byte, c byte) []byte {
	switch {
	case c == '\x1b':
		k.at = 1
	case k.at == 1 && c == '[':
		k.at = 2
	case k.at == 2 && c == '[':
		k.at = 3
		return append(out, '1')
	case k.at == 3 && c >= 'A' && c <= 'E':
		k.at = 0
		return append(out, c-'A'+'1', '~')
	default:
		k.at = 0
	}
	return append(out, c)
}
