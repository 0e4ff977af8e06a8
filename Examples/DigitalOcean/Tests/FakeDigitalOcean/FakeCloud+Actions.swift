import Foundation

extension FakeCloud {
    /// Lets the actions end that have taken their time.
    func settle() {
        let time = now()
        state.withLock { state in
            for id in state.actions.keys.sorted() {
                guard var action = state.actions[id], action.status == "in-progress", action.end <= time else {
                    continue
                }
                action.status = action.fails || state.volumes[action.volume] == nil ? "errored" : "completed"
                state.actions[id] = action
                if action.status == "completed" { apply(action, &state) }
            }
        }
    }

    private func apply(_ action: FakeAction, _ state: inout State) {
        guard var volume = state.volumes[action.volume] else { return }
        switch action.kind {
        case .attach(let droplet):
            volume.droplets = [droplet]
            machines.attach(volume, to: droplet)
        case .detach(let droplet):
            volume.droplets.removeAll { $0 == droplet }
            machines.detach(volume, from: droplet)
        case .resize(let size):
            volume.size = size
            machines.grow(volume)
        }
        state.volumes[volume.id] = volume
    }

    func begin(_ id: String, _ content: [String: Any]) -> FakeAnswer {
        let type = content["type"] as? String
        let droplet = (content["droplet_id"] as? NSNumber)?.intValue ?? 0
        let size = (content["size_gigabytes"] as? NSNumber)?.int64Value ?? 0
        return state.withLock { state in
            guard let volume = state.volumes[id] else { return .absent }
            let kind: FakeAction.Kind
            switch type {
            case "attach":
                guard state.droplets[droplet] != nil else { return .absent }
                guard volume.droplets.isEmpty else { return .error(422, "This volume is already attached") }
                let taken = state.volumes.values.count { $0.droplets.contains(droplet) }
                guard taken < dropletLimit else {
                    return .error(422, "limit exceeded: a Droplet can have \(dropletLimit) volumes at most")
                }
                kind = .attach(droplet)
            case "detach":
                guard volume.droplets.contains(droplet) else { return .error(422, "Attachment not found") }
                kind = .detach(droplet)
            case "resize":
                guard size > volume.size, size <= 16_384 else {
                    return .error(422, "volumes can only grow, up to 16384")
                }
                kind = .resize(size)
            default: return .error(422, "type is invalid")
            }
            let isPending = state.actions.values.contains {
                $0.status == "in-progress" && ($0.volume == id || (droplet != 0 && $0.droplet == droplet))
            }
            guard !isPending else { return .error(422, "Droplet already has a pending event.") }
            state.lastNumber += 1
            let fails = state.failingActions > 0
            if fails { state.failingActions -= 1 }
            let action = FakeAction(
                id: state.lastNumber, volume: id, kind: kind, end: now() + state.actionTime, fails: fails)
            state.actions[action.id] = action
            return FakeAnswer(202, ["action": action.json])
        }
    }

    func readAction(_ volume: String, _ id: String) -> FakeAnswer {
        guard let number = Int(id), let action = state.withLock({ $0.actions[number] }), action.volume == volume
        else { return .absent }
        return FakeAnswer(200, ["action": action.json])
    }
}

extension FakeAction {
    fileprivate var json: [String: Any] {
        ["id": id, "status": status, "type": type, "resource_type": "backend", "started_at": "2026-03-02T17:00:49Z"]
    }
}
