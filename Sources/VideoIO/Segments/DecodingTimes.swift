/// Decoding times for the joined packets of segments that were encoded each by itself.
///
/// The segments' own decoding times do not fit together: an encoder starts them before its first frame's
/// presentation time, and so inside the segment before. With `pts(i)` the presentation times of the whole in
/// ascending order and D the depth of the reordering in packets, packet i gets
///
///     dts(i) = pts(i − D)                  for i ≥ D
///     dts(i) = pts(i) − (pts(D) − pts(0))  for i < D, as libx264 does it
package struct DecodingTimes {
    private let depth: Int
    /// The presentation times from `pts(i − D)` on, ascending.
    private var window: [Int64] = []
    /// pts(D) − pts(0).
    private var lead: Int64 = 0
    private var packets = 0

    /// - Parameters:
    ///   - depth: the largest reordering of any segment, in packets.
    ///   - firstSegmentCount: packets of the first segment, which bound the depth: the first D packets are in
    ///     it.
    package init(depth: Int, firstSegmentCount: Int) {
        self.depth = max(0, min(depth, firstSegmentCount - 1))
    }

    /// Adds the presentation times of the next segment's packets, in ticks and any order.
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

    /// The most places that a packet comes later in the order of decoding than in the order of presentation.
    /// - Parameter ticks: presentation times in the order of decoding.
    package static func depth(of ticks: [Int64]) -> Int {
        let places = Dictionary(
            zip(ticks.sorted(), ticks.indices), uniquingKeysWith: { first, _ in first })
        return ticks.enumerated().map { $0.offset - (places[$0.element] ?? $0.offset) }.max() ?? 0
    }
}
