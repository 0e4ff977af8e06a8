import FakeDigitalOcean
import Foundation

// fake-digitalocean DIRECTORY PORT [MILLISECONDS]: serves the API with disks in DIRECTORY; each action takes that long.
// Its token is dop_v1_secret, its droplets are 1 and 2, and each finds its links in DIRECTORY/ID/by-id.

let words = CommandLine.arguments.dropFirst()
guard words.count >= 2, let directory = words.first, let port = UInt16(words[words.startIndex + 1]) else {
    print("usage: fake-digitalocean DIRECTORY PORT [MILLISECONDS]")
    exit(64)
}
let machines = LoopMachines(directory)
let cloud = FakeCloud(machines: machines)
if words.count > 2, let time = Int(words[words.startIndex + 2]) { cloud.actionTime = .milliseconds(time) }
for droplet in [1, 2] { print("droplet \(droplet) has its links in \(machines.disks(of: droplet))") }
let server = try await FakeServer(cloud, port: port)
print("serving at \(server.address)")
try await server.wait()
