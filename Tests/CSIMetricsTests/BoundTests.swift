import CoreMetrics
import Testing

@testable import CSIMetrics

@Suite("Metrics are bounded and shared", .timeLimit(.minutes(5)))
struct BoundTests {
    private func lines(_ metrics: PrometheusMetrics) -> [String] {
        metrics.render().split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    @Test("Series past the limit are counted together")
    func series() {
        let metrics = PrometheusMetrics(configuration: .init(maximumSeriesPerFamily: 2))
        for value in 0..<1_000 {
            Counter(label: "c", dimensions: [("v", "\(value)")], factory: metrics).increment(by: 2)
        }
        #expect(
            lines(metrics) == [
                "c{overflow=\"true\"} 1996", "c{v=\"0\"} 2", "c{v=\"1\"} 2", "swift_csi_metrics_dropped_total 998",
            ])
    }

    @Test("Names past the limit are dropped, and so is a name that another kind of metric has")
    func names() {
        let metrics = PrometheusMetrics(configuration: .init(buckets: [], maximumFamilies: 2))
        Counter(label: "a", factory: metrics).increment()
        Gauge(label: "a", factory: metrics).record(7)
        Recorder(label: "h", factory: metrics).record(1)
        Counter(label: "x", factory: metrics).increment()
        #expect(
            lines(metrics) == [
                "a 1", "h_bucket{le=\"+Inf\"} 1", "h_sum 1", "h_count 1", "swift_csi_metrics_dropped_total 2",
            ])
    }

    @Test("No two metrics write lines of one name", arguments: ["h", "h_sum", "h_count", "h_bucket"])
    func collisions(name: String) {
        let metrics = PrometheusMetrics(configuration: .init(buckets: []))
        Recorder(label: "h", factory: metrics).record(1)
        Counter(label: name, factory: metrics).increment()
        #expect(lines(metrics).contains("h_count 1"))
        #expect(lines(metrics).contains("swift_csi_metrics_dropped_total 1"))
        #expect(lines(metrics).count == 4)
    }

    @Test("Equal labels are one series in whatever order they come, and go with the last user")
    func shared() {
        let metrics = PrometheusMetrics()
        let one = Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: metrics)
        let two = Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: metrics)
        one.increment()
        two.increment()
        #expect(lines(metrics) == ["c{a=\"1\",b=\"2\"} 2"])
        one.destroy()
        #expect(lines(metrics) == ["c{a=\"1\",b=\"2\"} 2"])
        two.destroy()
        #expect(metrics.render() == "")
        // The name is free again, for any kind.
        Gauge(label: "c", factory: metrics).record(1)
        #expect(lines(metrics) == ["c 1"])
    }

    @Test("Recording from many threads loses nothing, and pages in between are whole")
    func concurrent() async {
        let metrics = PrometheusMetrics(configuration: .init(buckets: [1, 2, 3]))
        let threads = 8
        let rounds = 5_000
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<threads {
                group.addTask {
                    let recorder = Recorder(label: "h", dimensions: [("t", "\(thread % 2)")], factory: metrics)
                    let meter = Meter(label: "m", factory: metrics)
                    for round in 0..<rounds {
                        recorder.record(round % 4)
                        meter.increment()
                        Counter(label: "c", dimensions: [("r", "\(round % 10)")], factory: metrics).increment()
                    }
                }
            }
            group.addTask {
                for _ in 0..<200 {
                    let page = lines(metrics)
                    let last = page.filter { $0.hasPrefix("h_bucket{t=\"0\",le=\"+Inf\"}") }
                    let count = page.filter { $0.hasPrefix("h_count{t=\"0\"}") }
                    let pairs = zip(last, count).map { ($0.split(separator: " ").last, $1.split(separator: " ").last) }
                    #expect(pairs.allSatisfy { $0 == $1 })
                }
            }
        }
        let page = lines(metrics)
        let half = threads * rounds / 2
        #expect(page.contains("m \(threads * rounds)"))
        #expect(page.contains("h_count{t=\"0\"} \(half)"))
        #expect(page.contains("h_sum{t=\"1\"} \(half * 6 / 4)"))
        #expect(page.contains("h_bucket{t=\"1\",le=\"1\"} \(half / 2)"))
        #expect(page.contains("c{r=\"3\"} \(threads * rounds / 10)"))
    }

    @Test("Buckets that cannot be used are put right")
    func buckets() {
        #expect(PrometheusConfiguration(buckets: [3, 1, .infinity, .nan, 1]).usableBuckets == [1, 3])
    }
}
