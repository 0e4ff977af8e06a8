/// Something that gathers work during a turn of the event loop and does it once at the turn's end.
protocol EndOfTurnWork: AnyObject {
    /// Does the gathered work.
    func endOfTurn()
}
