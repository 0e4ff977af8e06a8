import CoreMetrics
import Testing

@testable import CSIMetrics

@Suite("The text format")
struct ExpositionTests {
    private let metrics = PrometheusMetrics(configuration: .init(buckets: [0.5, 1, 10]))

    /// What a page shows besides comments.
    private var samples: [String] {
        metrics.render().split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    @Test("Nothing recorded is an empty page")
    func empty() {
        #expect(metrics.render() == "")
    }

    @Test("Metrics are sorted by name, series by labels, whatever the order in which they were made")
    func order() {
        for name in ["zebra", "ant"] {
            for value in ["2", "10", "1"] {
                CoreMetrics.Counter(label: name, dimensions: [("b", "x"), ("a", value)], factory: metrics).increment()
            }
        }
        #expect(
            metrics.render() == """
                # TYPE ant counter
                ant{a="1",b="x"} 1
                ant{a="10",b="x"} 1
                ant{a="2",b="x"} 1
                # TYPE zebra counter
                zebra{a="1",b="x"} 1
                zebra{a="10",b="x"} 1
                zebra{a="2",b="x"} 1

                """)
    }

    @Test("A histogram counts up to and including each bound, and its last bucket is its count")
    func histogram() {
        let recorder = Recorder(label: "h", dimensions: [("k", "v")], factory: metrics)
        for value in [0.25, 0.5, 0.75, 1, 11] { recorder.record(value) }
        #expect(
            metrics.render() == """
                # TYPE h histogram
                h_bucket{k="v",le="0.5"} 2
                h_bucket{k="v",le="1"} 4
                h_bucket{k="v",le="10"} 4
                h_bucket{k="v",le="+Inf"} 5
                h_sum{k="v"} 13.5
                h_count{k="v"} 5

                """)
    }

    @Test(
        "A timer of exactly a bound lies in that bound's bucket",
        arguments: PrometheusConfiguration.defaultBuckets)
    func timers(bound: Double) throws {
        let metrics = PrometheusMetrics()
        Timer(label: "t", factory: metrics).recordNanoseconds(Int64((bound * 1e9).rounded()))
        let first = try #require(metrics.render().split(separator: "\n").first { $0.hasSuffix("} 1") })
        #expect(first == "t_bucket{le=\"\(ExpositionText.number(bound))\"} 1")
    }

    @Test("HELP lines come first and are escaped")
    func help() {
        let metrics = PrometheusMetrics(configuration: .init(help: ["m": "a \\ b\nc \"d\""]))
        CoreMetrics.Counter(label: "m", factory: metrics).increment()
        #expect(metrics.render() == "# HELP m a \\\\ b\\nc \"d\"\n# TYPE m counter\nm 1\n")
    }

    @Test(
        "Label values are escaped and cut",
        arguments: [
            ("plain", "plain"), ("/csi.v1.Node/X", "/csi.v1.Node/X"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"),
            ("a\nb", "a\\nb"), ("{a=\"b\"} 1\nfake 2", "{a=\\\"b\\\"} 1\\nfake 2"), ("", ""),
            ("\u{E4}\u{F6}\u{FC}", "\u{E4}\u{F6}\u{FC}"), ("0123456789abcdefghi", "0123456789abcdefgh"),
            ("01234567890123456\u{E4}\u{F6}", "01234567890123456"),
        ])
    func labelValues(value: String, shown: String) {
        let labels = SeriesLabels([("k", value)], valueLimit: 18)
        #expect(labels.text == "k=\"\(shown)\"")
    }

    @Test(
        "Names become legal",
        arguments: [
            ("csi_plugin_operations_seconds", "csi_plugin_operations_seconds", "csi_plugin_operations_seconds"),
            ("a.b-c d", "a_b_c_d", "a_b_c_d"), ("9lives", "_9lives", "_9lives"), ("", "_", "_"),
            ("a:b", "a:b", "a_b"), ("le", "le", "le_"), ("__name__", "__name__", "_name__"), ("\u{E9}", "_", "_"),
            ("a\n# TYPE x", "a___TYPE_x", "a___TYPE_x"),
        ])
    func names(text: String, metric: String, label: String) {
        #expect(MetricName.metric(text) == metric)
        #expect(MetricName.label(text) == label)
    }

    @Test(
        "Numbers are as the format reads them",
        arguments: [
            (0, "0"), (1, "1"), (-3, "-3"), (0.001, "0.001"), (2.5, "2.5"), (1e21, "1e+21"), (.nan, "NaN"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (9_007_199_254_740_992, "9007199254740992"),
        ] as [(Double, String)])
    func numbers(value: Double, text: String) {
        #expect(ExpositionText.number(value) == text)
    }

    @Test("Gauges show the last value, meters go up and down, counters never fall")
    func kinds() {
        let gauge = Gauge(label: "gauge", factory: metrics)
        gauge.record(4)
        gauge.record(2.5)
        let meter = Meter(label: "meter", factory: metrics)
        meter.set(10)
        meter.increment()
        meter.decrement(by: 4.5)
        let counter = CoreMetrics.Counter(label: "counter", factory: metrics)
        counter.increment(by: 5)
        counter.increment(by: -3)
        let parts = FloatingPointCounter(label: "parts", factory: metrics)
        parts.increment(by: 0.25)
        parts.increment(by: -1.0)
        parts.increment(by: Double.nan)
        #expect(samples == ["counter 5", "gauge 2.5", "meter 6.5", "parts 0.25"])
        counter.reset()
        #expect(samples.first == "counter 0")
    }

    @Test("A value that is not a number does not spoil a histogram")
    func notANumber() {
        let recorder = Recorder(label: "h", factory: metrics)
        recorder.record(Double.nan)
        recorder.record(Double.infinity)
        recorder.record(1)
        #expect(samples.suffix(2) == ["h_sum 1", "h_count 1"])
    }

    @Test("Values are looked up before each page")
    func refreshed() {
        let gauge = Gauge(label: "age", factory: metrics)
        let reads = CounterCell()
        metrics.beforeRendering {
            reads.increment(by: Int64(1))
            gauge.record(reads.value)
        }
        #expect(samples == ["age 1"])
        #expect(samples == ["age 2"])
    }
}
