#!/bin/sh
# Runs a private MariaDB for tests and benchmarks, with its own data folder and a socket only.
#
#   .ci/mariadb.sh start DIR [--fast]   makes DIR if needed, starts the server, prints the DSN for BURSAR_TEST_MYSQL
#   .ci/mariadb.sh stop DIR             stops it and keeps the data; remove DIR to forget them
#
# --fast does not wait for the disk at each commit. It is for tests only: figures measured with it are worth nothing.
set -eu
action=${1:?start or stop}
dir=${2:?folder}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
pidfile=$dir/pid
socket=$dir/s
alive() { [ -f "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; }
case $action in
start)
	server=$(command -v mariadbd || command -v mysqld || echo /usr/sbin/mariadbd)
	if ! alive; then
		if [ ! -d "$dir/data/mysql" ]; then
			mariadb-install-db --no-defaults --datadir="$dir/data" --auth-root-authentication-method=normal \
				--skip-test-db --user="$(id -un)" >"$dir/install.log" 2>&1 || { cat "$dir/install.log" >&2; exit 1; }
		fi
		flush=1
		[ "${3:-}" = --fast ] && flush=0
		rm -f "$pidfile"
		nohup "$server" --no-defaults --datadir="$dir/data" --socket="$socket" --pid-file="$pidfile" --user="$(id -un)" \
			--skip-networking --innodb-flush-log-at-trx-commit=$flush --innodb-buffer-pool-size=256M \
			--innodb-log-file-size=64M --max-connections=400 --max-allowed-packet=16M --skip-name-resolve \
			--character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci >"$dir/server.log" 2>&1 &
		n=0
		until mariadb-admin --no-defaults --socket="$socket" --user=root ping >/dev/null 2>&1; do
			n=$((n + 1))
			[ $n -gt 150 ] && { cat "$dir/server.log" >&2; exit 1; }
			sleep 0.2
		done
	fi
	echo "mysql://root@unix($socket)/"
	;;
stop)
	if alive; then
		pid=$(cat "$pidfile")
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	fi
	;;
*)
	echo "start or stop" >&2
	exit 2
	;;
esac
