package stage1

import (
	"context"

	"github.com/molt-installer/molt/media"
)

// askedImage is the image that the kickstart has the system made of, if it is at a server.
func (s *session) askedImage() (media.Source, bool) {
	if s.asked.Source.Kind != "liveimg" {
		return media.Source{}, false
	}
	src, err := media.ParseSource(s.asked.Source.URL)
	return src, err == nil && src.URL != "" // what is wrong with it, stage 2 says
}

// reachImage brings the network up for that: stage 2 fetches the image, and has no other network
// than this one.
func (s *session) reachImage(ctx context.Context) *Failure {
	src, ok := s.askedImage()
	f := &Failure{What: "The server of the image that the kickstart names can't be reached.", Hint: "Check ip= and the kickstart's liveimg, and try again.", online: true}
	if !ok || s.online(ctx, []media.Source{src}, f) {
		return nil
	}
	return f
}
