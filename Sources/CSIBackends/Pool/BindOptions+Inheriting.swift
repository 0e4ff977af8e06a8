public import CSIHost

extension BindOptions {
    /// What the kernel will show: a bind mount keeps the options of the mount it was made from, but for the way of
    /// updating access times where one is asked for.
    public func inheriting(_ source: BindOptions) -> BindOptions {
        let accessTimes: BindOptions = [.noAccessTime, .strictAccessTime]
        return union(isDisjoint(with: accessTimes) ? source : source.subtracting(accessTimes))
    }
}
