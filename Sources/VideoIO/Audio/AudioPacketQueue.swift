import Base

/// The audio packets of a reader's selection on their way past the frames to whoever writes them.
///
/// The reader adds the packets it meets up to a frame when it delivers that frame. The consumer takes them when that
/// frame's turn to be written comes. So the queue holds no more than belongs to the frames between the two, and
/// what limits the frames limits the sound.
///
/// Any thread may call any member.
package final class AudioPacketQueue: Sendable {
    private struct Contents: Sendable {
        var packets: [(packet: AudioPacket, frame: Int)] = []
        var isClosed = false
    }

    private let contents = Mutex(Contents())

    package init() {}

    /// - Parameter frame: index of the frame up to which the packets were found; `Int.max` after the last one.
    func add(_ packets: [AudioPacket], upToFrame frame: Int) {
        contents.withLock { contents in
            if !contents.isClosed { contents.packets += packets.map { ($0, frame) } }
        }
    }

    /// Takes the packets that were found up to a frame and not taken yet, in the reader's order, on the output's
    /// clock.
    package func take(upToFrame frame: Int) -> [AudioPacket] {
        contents.withLock { contents in
            let count = contents.packets.prefix { $0.frame <= frame }.count
            defer { contents.packets.removeFirst(count) }
            return contents.packets.prefix(count).map(\.packet)
        }
    }

    /// Takes all packets that are left.
    package func takeAll() -> [AudioPacket] { take(upToFrame: .max) }

    /// Drops the packets there are and all that follow: nobody is going to take them.
    package func close() {
        contents.withLock { $0 = Contents(isClosed: true) }
    }
}
