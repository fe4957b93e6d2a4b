/// Decoding times for the packets of segments that were encoded each by itself.
///
/// An encoder begins its decoding times before the first frame's presentation, by the time of the frames it reorders;
/// behind another segment that reaches back into the times of that one, where the frame rate varies even before them.
/// Over the whole, packet i is decoded when the frame D places before it in order of presentation is shown, D being
/// the reordering's depth; the first D, as libx264 does it, the time of D frames before they would be in that order.
package struct DecodingTimes {
    private let depth: Int
    /// Presentation times from `depth` packets ago on, ascending.
    private var window: [Int64] = []
    /// How much earlier than in order of presentation the first packets are decoded.
    private var lead: Int64 = 0
    private var packets = 0

    /// - Parameters:
    ///   - depth: the largest reordering of any segment, in packets.
    ///   - firstSegmentCount: packets of the first segment; in so few none is reordered farther.
    package init(depth: Int, firstSegmentCount: Int) {
        self.depth = max(0, min(depth, firstSegmentCount - 1))
    }

    /// Takes in the presentation times of the next segment's packets, in ticks and any order.
    package mutating func begin(_ presentationTicks: [Int64]) {
        let isFirst = packets == 0 && window.isEmpty
        window += presentationTicks.sorted()
        if isFirst, depth > 0 { lead = window[depth] - window[0] }
    }

    /// The decoding time of the next packet, in ticks.
    /// - Precondition: its segment has begun.
    package mutating func next() -> Int64 {
        defer { packets += 1 }
        guard packets >= depth else { return window[packets] - lead }
        return window.removeFirst()
    }

    /// How far the packets are out of the order in which they are shown: the most places that one comes later.
    /// - Parameter ticks: presentation times in the order of decoding.
    package static func depth(of ticks: [Int64]) -> Int {
        let places = Dictionary(
            zip(ticks.sorted(), ticks.indices), uniquingKeysWith: { first, _ in first })
        return ticks.enumerated().map { $0.offset - (places[$0.element] ?? $0.offset) }.max() ?? 0
    }
}
