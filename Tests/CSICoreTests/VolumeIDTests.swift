import CSITransport
import Testing

@testable import CSICore

@Suite("Volume ids and names")
struct VolumeIDTests {
    @Test(
        "A plain name is its own id; any other gets a digest",
        arguments: [
            ("pvc-8a2e", "pvc-8a2e"),
            ("a", "a"),
            ("Upper", "vol-"),
            ("-leading", "vol-"), ("trailing-", "vol-"), ("a/b", "vol-"), ("..", "vol-"), ("a.partial", "vol-"),
            ("vol-0123", "vol-"), ("name with space", "vol-"),
        ])
    func derivation(name: String, prefix: String) throws {
        let id = VolumeID(derivedFrom: try VolumeName(name))
        if prefix.hasPrefix("vol-") {
            #expect(id.rawValue.hasPrefix("vol-"))
            #expect(id.rawValue.utf8.count == 36)
        } else {
            #expect(id.rawValue == prefix)
        }
        #expect(id.pathComponent == id.rawValue)
        #expect(id == VolumeID(derivedFrom: try VolumeName(name)))
    }

    @Test("Names that differ in anything have different ids")
    func distinct() throws {
        let names = [
            "a", "A", "a ", " a", "a-", "-a", "vol-a", String(repeating: "a", count: 63),
            String(repeating: "a", count: 64),
        ]
        let ids = try Set(names.map { VolumeID(derivedFrom: try VolumeName($0)).rawValue })
        #expect(ids.count == names.count)
    }

    @Test(
        "Only what could have been derived becomes a path component",
        arguments: [
            "..", ".", "a/b", "/etc", "a.partial", ".trash", "vol-xyz", "vol-", "A", "a_b", "a#b", "a b",
            "vol-0123456789abcdef0123456789abcdeg", String(repeating: "x", count: 64),
        ])
    func refusedComponents(text: String) throws {
        #expect(try VolumeID(text).pathComponent == nil)
    }

    @Test(
        "Ids and names are checked",
        arguments: [
            ("", "is required"), (String(repeating: "x", count: 129), "129 bytes long, the limit is 128"),
            ("a\u{0}b", "control character 0x0"), ("a\u{b}b", "control character 0xb"),
            ("\u{7f}", "control character 0x7f"), ("a\u{9f}", "control character 0x9f"),
        ])
    func checks(text: String, complaint: String) {
        let nameError = #expect(throws: CSIError.self) { try VolumeName(text) }
        let idError = #expect(throws: CSIError.self) { try VolumeID(text) }
        for (error, field) in [(nameError, "name"), (idError, "volume_id")] {
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains(complaint) == true)
            #expect(error?.message.hasPrefix(field) == true)
        }
    }

    @Test("Tabs, line ends and all that is printable may be in a name", arguments: ["a\tb", "a\r\nb", "\u{a0}", "%"])
    func allowed(text: String) throws {
        #expect(try VolumeName(text).rawValue == text)
    }

    @Test("128 bytes are allowed")
    func longest() throws {
        let name = try VolumeName(String(repeating: "x", count: 128))
        #expect(VolumeID(derivedFrom: name).rawValue.utf8.count == 36)
    }

    @Test(
        "SHA-256 gives the digests of the standard",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func digests(input: String, digest: String) {
        #expect(SHA256.hexDigest(of: input.utf8, bytes: 32) == digest)
    }
}
