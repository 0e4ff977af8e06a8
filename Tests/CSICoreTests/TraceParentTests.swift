import CSITransport
import Testing

@testable import CSICore

@Suite("traceparent")
struct TraceParentTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let parent = "b7ad6b7169203331"

    @Test(
        "What is well formed is taken over",
        arguments: [
            "00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-00", "00-\(trace)-\(parent)-ff",
            // Later versions may add fields after a dash.
            "01-\(trace)-\(parent)-01", "cc-\(trace)-\(parent)-01-what-the-future-brings",
        ])
    func wellFormed(text: String) {
        #expect(TraceParent(parsing: text)?.traceID == Self.trace)
    }

    @Test(
        "What is not is left alone",
        arguments: [
            "", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-0", "00-\(trace)-\(parent)-011",
            "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01-x", "01-\(trace)-\(parent)-01x",
            "ff-\(trace)-\(parent)-01", "0-\(trace)-\(parent)-011", "00-\(trace.uppercased())-\(parent)-01",
            "00-\(trace)-B7AD6B7169203331-01", "00-00000000000000000000000000000000-\(parent)-01",
            "00-\(trace)-0000000000000000-01", "00_\(trace)-\(parent)-01", "00-\(trace)_\(parent)-01",
            "00-\(trace)-\(parent)_01", " 00-\(trace)-\(parent)-01", "00-\(trace.dropLast())g-\(parent)-01",
            "00-\(trace.dropLast(2))\u{E9}-\(parent)-01", "0g-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-0g",
        ])
    func malformed(text: String) {
        #expect(TraceParent(parsing: text) == nil)
    }

    @Test("Of several, none is taken")
    func several() {
        var metadata = Metadata()
        metadata.add("x", for: "other")
        #expect(TraceParent(metadata) == nil)
        metadata.add("00-\(Self.trace)-\(Self.parent)-01", for: "traceparent")
        #expect(TraceParent(metadata)?.traceID == Self.trace)
        metadata.add("00-\(Self.trace)-\(Self.parent)-01", for: "traceparent")
        #expect(TraceParent(metadata) == nil)
    }

    @Test("A tracer gets trace fields only together with a good traceparent")
    func extraction() {
        let extractor = MetadataExtractor()
        let good: Metadata = ["traceparent": .text("00-\(Self.trace)-\(Self.parent)-01"), "tracestate": "a=b"]
        #expect(extractor.extract(key: "traceparent", from: good) == "00-\(Self.trace)-\(Self.parent)-01")
        #expect(extractor.extract(key: "tracestate", from: good) == "a=b")
        let bad: Metadata = ["traceparent": "00-x-y-01", "tracestate": "a=b", "other": "c"]
        #expect(extractor.extract(key: "traceparent", from: bad) == nil)
        #expect(extractor.extract(key: "tracestate", from: bad) == nil)
        #expect(extractor.extract(key: "other", from: bad) == "c")
    }
}
