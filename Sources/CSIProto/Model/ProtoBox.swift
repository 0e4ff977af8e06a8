/// A message kept on the heap, so that a type can contain itself.
public indirect enum ProtoBox<Message: ProtoMessage>: Sendable, Hashable {
    /// The message.
    case boxed(Message)

    /// Moves `message` to the heap.
    public init(_ message: Message) {
        self = .boxed(message)
    }

    /// The message.
    public var value: Message {
        switch self {
        case .boxed(let message): message
        }
    }
}
