package localtrainer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options configure a Server.
type Options struct {
	Dir         string                  // folder of jobs and files, made if it is missing; one server at a time may use it
	PublicURL   string                  // address under which clients reach the server; "": the one each client used
	Key         string                  // the fal key with all permissions; "": every key that is not in Keys
	Keys        map[string][]Permission // keys with these permissions only
	Pace        time.Duration           // least duration of a training, spread evenly over its steps
	AllowRemote bool                    // serve other machines too, the control plane included
	Now         func() time.Time        // the clock; nil: time.Now
	Log         *slog.Logger            // nil: silent
}

// Server is the local trainer. Handler can be used as soon as New has returned. Jobs are worked on while Run runs.
type Server struct {
	o       Options
	dir     string
	log     *slog.Logger
	now     func() time.Time
	account account
	files   *fileStore
	faults  *faults
	client  *http.Client // fetches inputs
	hooks   *http.Client // delivers webhooks

	mu     sync.Mutex
	jobs   map[string]*job
	tokens map[string]time.Time // of uploads, until when

	wake     chan struct{}
	stopping chan struct{} // closed when Run ends
	stopOnce sync.Once
}

// New opens the folder and reads the jobs in it. It fails when the folder cannot be used or when its content is damaged.
func New(o Options) (*Server, error) {
	if o.Dir == "" {
		return nil, errors.New("the local trainer needs a folder")
	}
	if o.PublicURL != "" {
		u, err := url.Parse(o.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return nil, errors.New("the local trainer's public URL must be http(s)://host[:port]")
		}
		o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := makeDirs(o.Dir); err != nil {
		return nil, err
	}
	acc, err := loadAccount(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		o: o, dir: o.Dir, log: o.Log, now: o.Now, account: acc,
		files:  &fileStore{dir: filepath.Join(o.Dir, "files"), now: o.Now},
		faults: &faults{cleared: make(chan struct{})},
		client: &http.Client{Timeout: 10 * time.Minute},
		hooks: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // fal does not follow redirects of webhooks
		}},
		jobs: map[string]*job{}, tokens: map[string]time.Time{},
		wake: make(chan struct{}, 1), stopping: make(chan struct{}),
	}
	return s, s.loadJobs()
}

// Handler serves all of fal's hosts: give a client the same base URL for queue, REST and, with /v1, platform API. It
// also serves the control plane under /_local/.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	keyed := func(pattern string, need Permission, h http.HandlerFunc) { mux.Handle(pattern, s.requireKey(need, h)) }

	keyed("POST /storage/upload/initiate", PermitSubmit, s.misbehave(onUpload, s.initiateUpload, lost))
	keyed("POST /storage/upload/initiate-multipart", PermitSubmit, s.misbehave(onUpload, s.initiateUpload, lost))
	keyed("POST /storage/auth/token", PermitSubmit, s.misbehave(onUpload, s.grantToken, lost))
	mux.Handle("PUT "+uploadPath+"{token}", s.misbehave(onUpload, s.putFile))
	mux.Handle("PUT "+uploadPath+"{token}/{part}", s.misbehave(onUpload, s.putPart, lost))
	mux.Handle("POST "+uploadPath+"{token}/complete", s.misbehave(onUpload, s.completeUpload))
	mux.Handle("POST /files/upload", s.misbehave(onUpload, s.uploadWithToken))
	mux.HandleFunc("GET "+filesPath+"{token}/{name}", s.misbehave(onDownload, s.serveFile))

	mux.HandleFunc("GET /.well-known/jwks.json", s.serveJWKS)
	keyed("GET /v1/models/pricing", PermitRead, s.listPrices)
	keyed("GET /v1/models/requests/by-endpoint", PermitRead, s.misbehave(onList, s.listRequests))
	keyed("GET /v1/models/requests/search", PermitRead, s.misbehave(onList, s.searchRequests))
	keyed("GET /v1/models/billing-events", PermitAdmin, s.misbehave(onBilling, s.listBilling))
	keyed("DELETE /v1/models/requests/{id}/payloads", PermitAdmin, s.misbehave(onErase, s.deletePayloads))
	keyed("PUT /v1/storage/files/acl", PermitAdmin, s.misbehave(onHide, s.setACL))
	keyed("/v1/", permitAny, func(w http.ResponseWriter, _ *http.Request) {
		refusePlatform(w, http.StatusNotFound, "not_found", "Not found")
	})

	mux.HandleFunc("GET /_local/jobs", s.listJobs)
	mux.HandleFunc("GET /_local/faults", s.listFaults)
	mux.HandleFunc("POST /_local/faults", s.addFault)
	mux.HandleFunc("DELETE /_local/faults", s.clearFaults)

	keyed("/", permitAny, s.serveQueue)
	return s.requireLoopback(mux)
}

// Run works on jobs and delivers webhooks until ctx ends. Jobs that are running then are continued by the next start.
// It is called once.
func (s *Server) Run(ctx context.Context) error {
	defer s.stopOnce.Do(func() { close(s.stopping) })
	var work sync.WaitGroup
	defer work.Wait()
	sweep := time.NewTicker(time.Minute)
	defer sweep.Stop()
	s.sweep()
	for {
		next := s.dispatch(ctx, &work)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.wake:
		case <-timer.C:
		case <-sweep.C:
			s.sweep()
		}
		timer.Stop()
	}
}

// wakeUp makes Run look at the jobs again.
func (s *Server) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sweep removes files and results that have expired.
func (s *Server) sweep() {
	if err := s.files.sweep(); err != nil {
		s.log.Error("expired files could not be removed", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.Output != nil && s.resultExpired(j) {
			j.Input, j.Output, j.Logs = nil, nil, nil
			_ = s.save(j) // logged; the next sweep tries again
		}
	}
}

// base returns the address of this server for the client that sent r.
func (s *Server) base(r *http.Request) string {
	if s.o.PublicURL != "" {
		return s.o.PublicURL
	}
	return "http://" + r.Host
}

// fail answers 500 for a failure of this server.
func (s *Server) fail(w http.ResponseWriter, err error) {
	s.log.Error("a request failed", "error", err)
	refuse(w, http.StatusInternalServerError, "Internal server error")
}
