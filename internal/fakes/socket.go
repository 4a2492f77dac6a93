package fakes

import (
	"net"
	"net/http"
	"net/http/httptest"
)

// URL returns the base of the server on a loopback socket, which the first call opens.
func (s *Server) URL() string {
	s.Lock()
	defer s.Unlock()
	if s.socket == nil {
		s.socket = httptest.NewServer(s.mux)
	}
	return s.socket.URL
}

// Close closes the socket that URL opened, if it did, and every connection to it.
func (s *Server) Close() {
	s.Lock()
	socket := s.socket
	s.Unlock()
	if socket != nil {
		socket.CloseClientConnections()
		socket.Close()
	}
}

// cut ends the connection below w; hard ends it with a reset.
func cut(w http.ResponseWriter, hard bool) {
	if memory, ok := w.(*recorder); ok {
		memory.cut = true
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 and wrapped writers: the server's own way to cut
	}
	if tcp, ok := conn.(*net.TCPConn); ok && hard {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
