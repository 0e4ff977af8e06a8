import CSIMain

@main
enum ControllerProgram {
    static func main() { StockProgram.main(ControllerCommand.self) }
}
