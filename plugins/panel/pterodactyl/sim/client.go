package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// The client API. Its key is a root administrator's, who may see every server.

func (p *panel) getAccount(*request) (int, any) {
	u := p.users[0]
	return http.StatusOK, thing("user", object{
		"id": u.id, "admin": u.admin, "username": u.username, "email": u.email, "first_name": u.first, "last_name": u.family, "language": u.lang,
	})
}

func (p *panel) ofClient(r *request) *server {
	id := r.PathValue("identifier")
	return p.server(func(s *server) bool { return s.identifier() == id || s.uuid == id })
}

// blocked is every state in which the client API shows a server and nothing of it.
func (p *panel) blocked(s *server) bool {
	return s.status == "suspended" || s.status == "installing" || s.status == "install_failed" || s.moving || p.node(s.node).maintenance
}

func (p *panel) viewServer(r *request) (int, any) {
	s := p.ofClient(r)
	if s == nil {
		return missing()
	}
	n := p.node(s.node)
	return http.StatusOK, thing("server", object{
		"server_owner": false, "identifier": s.identifier(), "internal_id": s.id, "uuid": s.uuid, "name": s.name, "node": n.name,
		"is_node_under_maintenance": n.maintenance, "sftp_details": object{"ip": n.fqdn, "port": 2022}, "description": s.description,
		"limits": s.showLimits(), "invocation": s.startup, "docker_image": s.image, "egg_features": []any{}, "feature_limits": s.features(),
		"status": orNull(s.status), "is_suspended": s.status == "suspended", "is_installing": s.status == "installing" || s.status == "install_failed",
		"is_transferring": s.moving,
	})
}

func (p *panel) getResources(r *request) (int, any) {
	s := p.ofClient(r)
	switch {
	case s == nil:
		return missing()
	case p.blocked(s):
		return conflict()
	case p.node(s.node).down:
		return unreachable()
	}
	memory, cpu, disk := s.measured()
	uptime := 0
	if s.power == "running" {
		uptime = 3_600_000
	}
	return http.StatusOK, thing("stats", object{
		"current_state": s.power, "is_suspended": false, "resources": object{
			"memory_bytes": memory, "cpu_absolute": json.Number(fmt.Sprintf("%d.%04d", cpu/10_000, cpu%10_000)), "disk_bytes": disk,
			"network_rx_bytes": s.sent / 4, "network_tx_bytes": s.sent, "uptime": uptime,
		},
	})
}

func (p *panel) postPower(r *request) (int, any) {
	s := p.ofClient(r)
	var errs problems
	errs.check("signal", r.in["signal"], "required|string|in:start,stop,restart,kill")
	switch {
	case s == nil:
		return missing()
	case p.blocked(s):
		return conflict()
	case len(errs) > 0:
		return errs.answer()
	case p.node(s.node).down:
		return unreachable()
	}
	s.sent = 0 // the counters begin anew with the container
	s.power = map[string]string{"start": "running", "restart": "running", "stop": "offline", "kill": "offline"}[text(r.in["signal"])]
	return http.StatusNoContent, nil
}
