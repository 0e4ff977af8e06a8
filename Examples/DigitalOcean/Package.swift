// swift-tools-version: 6.2
import PackageDescription

let csi = { (name: String) in Target.Dependency.product(name: name, package: "swift-csi") }
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let http = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let server = Target.Dependency.product(name: "FlyingFox", package: "FlyingFox")

let package = Package(
    name: "digitalocean-driver",
    dependencies: [
        .package(name: "swift-csi", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // Only the tests' own server of the API.
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        .target(
            name: "DigitalOcean",
            dependencies: [
                csi("CSIBlock"), csi("CSICore"), csi("CSIHost"), csi("CSIProgram"), http, nio, logging, system,
            ]),
        .executableTarget(name: "do-csi-controller", dependencies: ["DigitalOcean"]),
        .executableTarget(name: "do-csi-node", dependencies: ["DigitalOcean"]),
        .target(
            name: "FakeDigitalOcean", dependencies: [csi("CSIHost"), server, system], path: "Tests/FakeDigitalOcean"),
        .executableTarget(
            name: "fake-digitalocean", dependencies: ["FakeDigitalOcean"], path: "Tests/fake-digitalocean"),
        .testTarget(
            name: "DigitalOceanTests",
            dependencies: [
                "DigitalOcean", "FakeDigitalOcean", csi("CSICore"), csi("CSIHost"), csi("CSIProgram"), csi("CSIProto"),
                csi("CSITestKit"),
                csi("CSITransport"), http, nio, logging, system,
            ]),
    ]
)
