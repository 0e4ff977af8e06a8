/// A standard gRPC service that is no part of CSI, so that stock tools can look at a running driver.
public enum StockService: String, Sendable, Hashable, CaseIterable {
    /// `grpc.health.v1`: not serving until the driver has started.
    case health
    /// `grpc.reflection.v1`: which services, methods and messages there are.
    case reflection
}
