package vm

// plainer takes terminal control out of a stream of bytes, so that what a
// person would read can be searched: escape sequences (ECMA-48: CSI, OSC and
// the short ones), carriage returns and NULs. A sequence may be split anywhere.
type plainer struct{ state plainState }

type plainState int

const (
	plainText   plainState = iota
	plainEscape            // after ESC
	plainCSI               // after ESC [
	plainOSC               // after ESC ], up to BEL or ESC \
	plainOne               // one more byte: ESC ( B
)

// append adds the text in b to dst.
func (p *plainer) append(dst, b []byte) []byte {
	for _, c := range b {
		if p.state == plainText && c != 0x1b && c != '\r' && c != 0 {
			dst = append(dst, c)
			continue
		}
		p.state = p.next(c)
	}
	return dst
}

func (p *plainer) next(c byte) plainState {
	if c == 0x1b {
		return plainEscape
	}
	switch p.state {
	case plainEscape:
		return afterEscape(c)
	case plainCSI:
		if c >= 0x40 && c <= 0x7e {
			return plainText
		}
		return plainCSI
	case plainOSC:
		if c == 0x07 {
			return plainText
		}
		return plainOSC
	}
	return plainText
}

func afterEscape(c byte) plainState {
	switch c {
	case '[':
		return plainCSI
	case ']':
		return plainOSC
	case '(', ')', '#', '%':
		return plainOne
	}
	return plainText
}
