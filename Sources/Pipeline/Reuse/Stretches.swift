/// How frames are divided of which each takes over from the one before: one worker computes a stretch in order, and
/// none takes over from another, so that the result depends neither on the workers nor on where a run begins.
package struct Stretches: Sendable, Equatable {
    /// Frames of a stretch.
    package static let length = 128

    /// Frames after which a stretch begins in any case; nil where they go on.
    let segmentFrames: Int?

    package init(segmentFrames: Int? = nil) { self.segmentFrames = segmentFrames }

    /// The stretch of a frame.
    ///
    /// - Parameter frame: counted from where the job, or a segment of it, begins.
    func number(of frame: Int) -> Int {
        guard let segmentFrames else { return frame / Self.length }
        let perSegment = (segmentFrames + Self.length - 1) / Self.length
        return frame / segmentFrames * perSegment + frame % segmentFrames / Self.length
    }

    func begin(at frame: Int) -> Bool { frame == 0 || number(of: frame) != number(of: frame - 1) }
}
