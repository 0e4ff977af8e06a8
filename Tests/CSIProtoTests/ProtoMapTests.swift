import CSIProto
import Testing

@Suite("Maps and secrets")
struct ProtoMapTests {
    @Test func orderIsKeptAndDoesNotCount() {
        let map: ProtoMap<String, Int> = ["b": 1, "a": 2, "b": 3]
        #expect(map.keys == ["b", "a"])
        #expect(map.values == [3, 2])
        #expect(map == ["a": 2, "b": 3])
        #expect(map.hashValue == (["a": 2, "b": 3] as ProtoMap<String, Int>).hashValue)
        #expect(map != ["a": 2, "b": 4])
        #expect(map != ["a": 2])
        #expect(map != ["a": 2, "c": 3])
        #expect(map.map { key, value in "\(key)=\(value)" } == ["b=3", "a=2"])
    }

    @Test(arguments: [0, 1, 15, 16, 17, 18, 200])
    func valuesAreFoundInMapsOfAnySize(count: Int) {
        var map: ProtoMap<String, Int> = [:]
        for index in 0..<count { map["k\(index)"] = index }
        for index in 0..<count { map["k\(index)"] = index * 2 }
        #expect(map.count == count)
        #expect(map.isEmpty == (count == 0))
        for index in 0..<count { #expect(map["k\(index)"] == index * 2) }
        #expect(map["absent"] == nil)
        for index in stride(from: 0, to: count, by: 2) { map["k\(index)"] = nil }
        #expect(map.count == count / 2)
        for index in 0..<count { #expect(map["k\(index)"] == (index % 2 == 0 ? nil : index * 2)) }
    }

    @Test func keysAreComparedByTheirBytes() {
        let map: ProtoMap<String, Int> = ["\u{e9}": 1, "e\u{301}": 2]
        #expect(map.count == 2)
        #expect(map["\u{e9}"] == 1)
        #expect(map["e\u{301}"] == 2)
        let prefix = String(repeating: "k", count: 20)
        let long: ProtoMap<String, Int> = [prefix + "1": 1, prefix + "2": 2, prefix + "12345678": 3]
        #expect(long.values == [1, 2, 3])
        #expect(long[prefix + "12345678"] == 3)
        #expect(long[prefix + "12345679"] == nil)
    }

    @Test func secretsCannotBePrinted() throws {
        let secrets = Secrets(["token": "hunter2"])
        var dumped = ""
        dump(secrets, to: &dumped)
        for text in ["\(secrets)", String(reflecting: secrets), String(describing: secrets), dumped] {
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("token"))
        }
        #expect("\(secrets)" == "<redacted>")
        var nested = ""
        dump(CSIv1.DeleteVolumeRequest(volumeID: "v", secrets: secrets), to: &nested)
        #expect(!nested.contains("hunter2"))
    }

    @Test func secretsAreReachableByName() {
        let secrets = Secrets(["token": "hunter2"])
        #expect(secrets.keys == ["token"])
        #expect(!secrets.isEmpty)
        #expect(secrets.withValue(for: "token") { $0.count } == 7)
        #expect(secrets.withValue(for: "absent") { $0.count } == nil)
        #expect(secrets == Secrets(["token": "hunter2"]))
        #expect(secrets != Secrets(["token": "hunter3"]))
    }
}
