import CSILock
import CSITransport
import CoreMetrics
import Logging

/// Takes a driver's own figures from time to time and keeps them as metrics.
///
/// The thread that takes them is not one of those that run calls: all of those may hang.
final class DriverFigures: Sendable {
    private struct Key: Hashable {
        let metric: MetricDescription
        let labels: [String]
    }

    private struct State {
        var meters: [Key: Meter] = [:]
        /// When the figures that are shown were taken, or when the taking began.
        var takenAt: ContinuousClock.Instant
        var hasFailed = false
    }

    static let ageDescription = MetricDescription(
        "csi_plugin_figures_age_seconds",
        help: "How long ago the driver's own figures were taken, in seconds; it grows while taking them fails or hangs."
    )

    private let driver: any MetricsReporting
    private let factory: any MetricsFactory
    private let logger: Logger
    let executor = BlockingExecutor(name: "csi-figures", maximumThreads: 1)
    private let age: Meter
    private let state: Guarded<State>

    /// Figures of a driver; nil when it reports none, or when nobody collects metrics.
    init?(of driver: any CSIDriver, logger: Logger, factory: any MetricsFactory = MetricsSystem.factory) {
        guard let driver = driver as? any MetricsReporting, !(factory is NOOPMetricsHandler) else { return nil }
        self.driver = driver
        self.factory = factory
        self.logger = logger
        age = Meter(label: Self.ageDescription.name, factory: factory)
        state = Guarded(State(takenAt: .now))
    }

    /// Takes figures until the task is cancelled.
    func run(every interval: Duration) async {
        state.withLock { $0.takenAt = .now }
        await withTaskExecutorPreference(executor) {
            while !Task.isCancelled {
                await self.take()
                do { try await Task.sleep(for: interval) } catch { return }
            }
        }
    }

    /// Sets the age to that of what is shown.
    func updateAge() {
        let takenAt = state.withLock { $0.takenAt }
        age.set((ContinuousClock.now - takenAt) / .seconds(1))
    }

    func take() async {
        do throws(CSIError) {
            show(try await driver.figures())
        } catch {
            let isNew = state.withLock { state in
                defer { state.hasFailed = true }
                return !state.hasFailed
            }
            // Said once, not every few seconds.
            guard isNew else { return }
            logger.warning("the driver's figures cannot be taken", metadata: ["error": "\(error.message)"])
        }
    }

    private func show(_ figures: [DriverFigure]) {
        state.withLock { state in
            var gone = Set(state.meters.keys)
            for figure in figures {
                let key = Key(metric: figure.metric, labels: figure.labels)
                gone.remove(key)
                meter(key, &state).set(figure.value)
            }
            for key in gone { state.meters.removeValue(forKey: key)?.destroy() }
            state.takenAt = .now
            state.hasFailed = false
        }
    }

    private func meter(_ key: Key, _ state: inout State) -> Meter {
        if let known = state.meters[key] { return known }
        let meter = Meter(
            label: key.metric.name, dimensions: Array(zip(key.metric.labels, key.labels)), factory: factory)
        state.meters[key] = meter
        return meter
    }
}
