package sim

import (
	"strconv"
	"strings"
	"time"
)

// free finds a server that no task has locked. It answers the request itself if there is none.
func (v *vendor) free(q *request) *server {
	s := v.server(q.number("id"))
	switch {
	case s == nil:
		q.missing("server")
	case s.job != nil || v.locked[s.id] || v.locked[0] || !s.ends.IsZero():
		q.locked()
	default:
		return s
	}
	return nil
}

func (v *vendor) build(q *request) {
	var b struct {
		OperatingSystemID int64   `json:"operatingSystemId"`
		Name              string  `json:"name"`
		Hostname          string  `json:"hostname"`
		SSHKeys           []int64 `json:"sshKeys"`
		VNC               bool    `json:"vnc"`
		IPv6              bool    `json:"ipv6"`
		Email             bool    `json:"email"`
		Swap              float64 `json:"swap"`
	}
	s := v.free(q)
	if s == nil || !q.read(&b) {
		return
	}
	t, ok := templateOf(b.OperatingSystemID)
	switch {
	case !ok:
		q.wrong("Invalid operating system template")
		return
	case b.Hostname != "" && !strings.Contains(b.Hostname, "."):
		q.wrong("The hostname must be a fully qualified domain name.")
		return
	case s.suspended:
		q.answer(409, object{"errors": []string{"The server is suspended"}})
		return
	}
	fails := t.fails || v.failNext
	v.failNext = false
	s.state, s.power, s.template, s.ipv6, s.password, s.updated = queued, "shutoff", t.id, b.IPv6, word(), v.now()
	if b.Name != "" {
		s.name = b.Name
	}
	if b.Hostname != "" {
		s.hostname = b.Hostname
	}
	v.start(s, "build", v.polls, long).dooms = fails
	answer := s.show(v.now(), false)
	answer["settings"].(object)["decryptedPassword"] = s.password
	q.data(200, answer)
}

func (v *vendor) suspend(on bool) func(*request) {
	return func(q *request) {
		s := v.free(q)
		if s == nil {
			return
		}
		v.start(s, map[bool]string{true: "suspend", false: "unsuspend"}[on], 1, quick)
		q.answer(204, nil)
	}
}

func (v *vendor) switchPower(q *request) {
	s := v.free(q)
	if s == nil {
		return
	}
	to, ok := map[string]string{"boot": "running", "shutdown": "shutoff", "restart": "running", "poweroff": "shutoff"}[q.r.PathValue("action")]
	switch {
	case !ok:
		q.answer(404, object{"message": "The route could not be found."})
	case s.state != complete || s.suspended:
		q.answer(409, object{"errors": []string{"The server cannot be switched in its state"}})
	default:
		j := v.start(s, q.r.PathValue("action"), 1, quick)
		j.to = to
		q.data(200, object{"queueId": j.id})
	}
}

func (v *vendor) resetPassword(q *request) {
	b := struct {
		User     string `json:"user"`
		SendMail bool   `json:"sendMail"`
	}{SendMail: true}
	s := v.free(q)
	if s == nil || !q.read(&b) {
		return
	}
	t, _ := templateOf(s.template)
	if want := map[string]string{"linux": "root", "windows": "Administrator"}[t.os]; b.User == "" || b.User != want {
		q.wrong("The selected user is invalid.")
		return
	}
	next := word()
	j := v.start(s, "resetPassword", 2, quick)
	j.to = next
	q.data(200, object{"queueId": j.id, "expectedPassword": next})
}

func (v *vendor) changePackage(q *request) {
	var parts map[string]bool
	s := v.free(q)
	if s == nil || !q.read(&parts) {
		return
	}
	p, ok := packageOf(q.number("package"))
	if !ok || !p.enabled {
		q.missing("package")
		return
	}
	with := func(part string) bool { return parts == nil || parts[part] }
	info := []string{}
	if with("memory") {
		s.memory = p.memory
	}
	if with("primaryNetworkTraffic") {
		s.traffic = p.traffic
	}
	switch {
	case !with("cpu"):
	case p.cores < s.cores && s.power == "running":
		info = append(info, "CPU cores not updated. The server must be off to remove cores.")
	default:
		s.cores = p.cores
	}
	switch {
	case !with("primaryDiskSize") || p.storage == s.storage:
	case p.storage < s.storage:
		info = append(info, "Primary disk size not updated. A disk cannot be made smaller.")
	default:
		s.storage = p.storage
	}
	s.pack = p.id
	v.start(s, "package", 1, quick)
	q.answer(200, object{"info": info})
}

func (v *vendor) modifyTraffic(q *request) {
	b := struct {
		Traffic int64 `json:"traffic"`
	}{-1}
	s := v.free(q)
	if s == nil || !q.read(&b) {
		return
	}
	if b.Traffic < 0 || b.Traffic > 999_999_999 {
		q.wrong("The traffic must be between 0 and 999999999.")
		return
	}
	s.traffic = b.Traffic
	q.answer(201, nil)
}

func (v *vendor) addAddresses(q *request) {
	var b struct {
		Interface string `json:"interface"`
		Quantity  int64  `json:"quantity"`
	}
	s := v.free(q)
	if s == nil || !q.read(&b) {
		return
	}
	if b.Interface != "primary" || b.Quantity < 1 || v.addressesOf(s.hypervisor.group)+b.Quantity > mostAddresses {
		q.wrong("Not enough IPv4 addresses are available")
		return
	}
	before := len(s.ipv4)
	v.addIPv4(s, b.Quantity)
	var added []string
	for _, a := range s.ipv4[before:] {
		added = append(added, a.String())
	}
	q.data(200, added)
}

// defaultDelay is the grace of a deletion for which no delay was sent.
const defaultDelay = 5

func (v *vendor) deleteServer(q *request) {
	s := v.free(q)
	if s == nil {
		return
	}
	minutes := defaultDelay
	if text := q.r.FormValue("delay"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 43_800 {
			q.wrong("The delay must be between 0 and 43800.")
			return
		}
		minutes = n
	}
	switch {
	case s.protected:
		q.answer(409, object{"errors": []string{"The server is protected"}})
		return
	case minutes == 0:
		v.start(s, "destroy", 2, quick)
	default:
		s.ends = v.now().Add(time.Duration(minutes) * time.Minute)
	}
	q.answer(204, nil)
}
