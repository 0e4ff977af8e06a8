# shellcheck shell=bash disable=SC2016
# NFS servers for tests, in a kernel of its own (dev/uml); to be sourced, as root.
#
# Two kernel servers, each in a network namespace of its own, so that one can vanish while the other goes on:
#   10.9.1.2  NFS 3, 4.1, 4.2  exports /export (no_root_squash) and /squashed
#   10.9.2.2  NFS 4.1, 4.2     exports /export

export_root=/run/nfs-exports
# How large the first server's export is.
export_size=700M

# in_server NUMBER COMMAND...: among the processes of a server, which have the paths and the state of that server.
in_server() {
    local number=$1
    shift
    ip netns exec "server$number" unshare --mount --propagation slave bash -c '
        mount --bind "$0" /var/lib/nfs
        mount --bind "$0/nfs.conf" /etc/nfs.conf
        mount -t nfsd nfsd /proc/fs/nfsd
        exec "$@"' "$export_root/state$number" "$@"
}

# make_export NUMBER NAME SIZE: a file system of its own, since an overlay cannot be exported.
make_export() {
    local place=$export_root/server$1/$2
    mkdir -p "$place"
    truncate -s "$3" "$place.img"
    mkfs.xfs -q "$place.img"
    mount -o loop "$place.img" "$place"
    chmod 755 "$place"
}

start_server() {
    local number=$1
    mkdir -p "$export_root/state$number/v4recovery" "$export_root/state$number/rpc_pipefs"
    touch "$export_root/state$number/"{etab,rmtab}
    # Paths begin at the server's own root: that of this machine is an overlay, which cannot be exported.
    printf '[exports]\nrootdir=%s\n' "$export_root/server$number" >"$export_root/state$number/nfs.conf"
    ip netns add "server$number"
    ip link add "veth$number" type veth peer name eth0 netns "server$number"
    ip addr add "10.9.$number.1/24" dev "veth$number"
    ip link set "veth$number" up
    ip -n "server$number" addr add "10.9.$number.2/24" dev eth0
    ip -n "server$number" link set eth0 up
    ip -n "server$number" link set lo up
    run_server "$number"
}

# run_server NUMBER: lets the server serve, again after stop_server.
run_server() {
    local number=$1
    # The file system of control goes with the last process that sees it, and the server with that: mountd stays.
    in_server "$number" bash -c '
        number=$1 root=$2
        if [ "$number" = 1 ] && ! rpcinfo >/dev/null 2>&1; then
            rpcbind -w
            for _ in $(seq 50); do rpcinfo >/dev/null 2>&1 && break; sleep 0.1; done
        fi
        exportfs -o "rw,no_root_squash,no_subtree_check,insecure,fsid=1$number" "*:/export"
        if [ -d "$root/squashed" ]; then
            exportfs -o "rw,root_squash,no_subtree_check,insecure,fsid=2$number" "*:/squashed"
        fi
        # Clients of a server that has just started wait: the shortest time that the kernel takes.
        echo 10 >/proc/fs/nfsd/nfsv4gracetime
        echo 10 >/proc/fs/nfsd/nfsv4leasetime
        if [ "$number" = 1 ]; then rpc.nfsd 4; else rpc.nfsd --no-nfs-version 3 4; fi
        exec rpc.mountd
    ' server "$number" "$export_root/server$number" 2>&1 | grep -v 'No file systems exported' || true
}

# stop_server NUMBER: it answers nobody any more, and refuses who comes.
stop_server() {
    ip netns pids "server$1" | xargs -r kill
    in_server "$1" rpc.nfsd 0
}

# make_export_anew NUMBER NAME: another file system under the same name and number, as after a restore from a backup.
make_export_anew() {
    local place=$export_root/server$1/$2
    in_server "$1" exportfs -u "*:/$2"
    in_server "$1" exportfs -f
    for _ in $(seq 600); do
        umount "$place" 2>/dev/null && break
        sleep 0.2
    done
    ! mountpoint -q "$place" || return 1
    mkfs.xfs -q -f "$place.img"
    mount -o loop "$place.img" "$place"
    chmod 755 "$place"
    in_server "$1" exportfs -o "rw,no_root_squash,no_subtree_check,insecure,fsid=1$1" "*:/$2"
}

# unplug_server NUMBER: nothing that is sent to it arrives, as when its power is gone.
unplug_server() { ip link set "veth$1" down; ip -n "server$1" link set eth0 down; }
plug_server() { ip -n "server$1" link set eth0 up; ip link set "veth$1" up; }

start_servers() {
    modprobe -a nfsd nfs nfsv3 nfsv4 veth 2>/dev/null || true
    mkdir -p "$export_root"
    mount -t tmpfs -o size=2200m exports "$export_root"
    # What is mounted below, or is not any more, the servers see as well.
    mount --make-shared "$export_root"
    mkdir -p /run/netns /run/rpcbind
    touch /etc/nfs.conf
    make_export 1 export "$export_size"
    make_export 1 squashed 320M
    make_export 2 export 320M
    # In this order: the kernel tells the rpcbind of the first server, if there is one, what the second one does not serve.
    start_server 2
    start_server 1
    # Until the grace of a start is over, nothing can be opened over NFS 4. It ends by work that the kernel may come to later.
    sleep 10
    for number in 1 2; do
        for _ in $(seq 300); do
            in_server "$number" cat /proc/fs/nfsd/v4_end_grace | grep -q N || break
            sleep 0.2
        done
    done
}
