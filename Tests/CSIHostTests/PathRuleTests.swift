import SystemPackage
import Testing

@testable import CSIHost

@Suite("Rules of paths")
struct PathRuleTests {
    @Test(
        "A relative path leads downwards, or is refused",
        arguments: [
            ("a", "a"), ("a/b", "a/b"), ("a//b/", "a/b"), ("./a", "a"), ("a/./b/.", "a/b"), (".a", ".a"),
            ("..a", "..a"),
            ("a.", "a."), ("a..", "a.."), ("...", "..."), ("a/.../b", "a/.../b"), (".a/..b/c..", ".a/..b/c.."),
            ("", nil), (".", nil), ("./.", nil), ("..", nil), ("../a", nil), ("a/..", nil), ("a/../b", nil),
            ("./..", nil), ("a/b/..", nil), ("/", nil), ("/a", nil), ("//a", nil),
        ] as [(String, String?)])
    func relative(text: String, expected: String?) throws {
        let path = FilePath(text)
        let found = try? PathRule.relative(path, beneath: "/base", allowEmpty: false, .metadata)
        #expect(found == expected.map { FilePath($0) })
        let orEmpty = try? PathRule.relative(path, beneath: "/base", allowEmpty: true, .metadata)
        #expect(orEmpty == (["", ".", "./."].contains(text) ? "" : expected.map { FilePath($0) }))
    }

    @Test(
        "An absolute path has no way upwards",
        arguments: [
            ("/", "/"), ("/a", "/a"), ("//a//b/", "/a/b"), ("/a/./b", "/a/b"), ("/.", "/"), ("/..a", "/..a"),
            ("/a/...", "/a/..."), ("", nil), ("a", nil), (".", nil), ("/..", nil), ("/a/..", nil), ("/a/../b", nil),
        ] as [(String, String?)])
    func absolute(text: String, expected: String?) throws {
        let found = try? PathRule.absolute(FilePath(text), .metadata)
        #expect(found == expected.map { FilePath($0) })
        let below = try? PathRule.absoluteBelowRoot(FilePath(text), .metadata)
        #expect(below == (expected == "/" ? nil : found))
    }
}
