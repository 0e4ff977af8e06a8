/// All series of one name, sorted by their labels.
struct MetricFamily: Sendable {
    struct Series: Sendable {
        let labels: SeriesLabels
        let cell: any MetricCell
        /// How many metrics share it; it goes with the last one.
        var users: Int
    }

    let name: String
    let kind: MetricKind
    private(set) var series: [Series] = []

    init(name: String, kind: MetricKind) {
        self.name = name
        self.kind = kind
    }

    /// The names of the lines that a metric writes, none of which another metric may have.
    static func sampleNames(_ name: String, _ kind: MetricKind) -> [String] {
        switch kind {
        case .counter, .gauge: [name]
        case .histogram: [name, name + "_bucket", name + "_sum", name + "_count"]
        }
    }

    /// The cell of these labels, made when there is none yet.
    ///
    /// - Returns: The cell, and whether it is the shared one for what is past the limit.
    mutating func cell(
        _ labels: SeriesLabels, limit: Int, make: () -> any MetricCell
    ) -> (cell: any MetricCell, isOverflow: Bool) {
        if let found = use(labels) { return (found, false) }
        guard series.count >= limit else { return (insert(labels, make()), false) }
        return (use(.overflow) ?? insert(.overflow, make()), true)
    }

    /// Whether one of the series is this one.
    func holds(_ cell: any MetricCell) -> Bool {
        series.contains { $0.cell === cell }
    }

    /// One metric less uses this cell.
    mutating func release(_ cell: any MetricCell) {
        guard let index = series.firstIndex(where: { $0.cell === cell }) else { return }
        series[index].users -= 1
        if series[index].users == 0 { series.remove(at: index) }
    }

    private mutating func use(_ labels: SeriesLabels) -> (any MetricCell)? {
        let index = position(of: labels)
        guard index < series.count, series[index].labels == labels else { return nil }
        series[index].users += 1
        return series[index].cell
    }

    private mutating func insert(_ labels: SeriesLabels, _ cell: any MetricCell) -> any MetricCell {
        series.insert(Series(labels: labels, cell: cell, users: 1), at: position(of: labels))
        return cell
    }

    private func position(of labels: SeriesLabels) -> Int {
        var low = 0
        var high = series.count
        while low < high {
            let middle = (low + high) / 2
            if series[middle].labels < labels { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
