import CSIMain

@main
enum NodeProgram {
    static func main() { StockProgram.main(NodeCommand.self) }
}
