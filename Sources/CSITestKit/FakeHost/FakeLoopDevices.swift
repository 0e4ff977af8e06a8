import CSIHost

/// The loop devices of a fake host.
struct FakeLoopDevices: LoopDevices {
    let host: FakeHost
}
