package kickstart

func hideURL(s string) string { return s }
