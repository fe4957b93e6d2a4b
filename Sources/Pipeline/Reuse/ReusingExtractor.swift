import Methods
import Pixels
import ViT

/// One worker's maps of one source, frame after frame of a stretch.
final class ReusingExtractor {
    private let extract: (RGBImage) throws -> FrameMaps
    private let reuse = TokenReuse()
    private let method: Method
    private let levels: Double
    private var control: ReuseControl
    private var stretch: Int?

    /// - Parameter levels: the error that may be made, in levels of 255.
    init(_ source: any ReusingMapSource, levels: Double, threads: Int) throws {
        extract = try source.makeExtractor(threads: threads, reuse: reuse)
        method = source.method
        self.levels = levels
        control = ReuseControl(levels: levels)
    }

    /// - Throws: what the pass throws.
    func maps(of frame: FrameInStep) throws -> (maps: FrameMaps, reuse: FrameReuse) {
        if frame.stretch != stretch {
            control = ReuseControl(levels: levels)
            stretch = frame.stretch
        }
        let image = frame.frame.image
        switch control.next() {
        case .whole(let isKept):
            reuse.step = isKept ? .renewing : .apart
            control.note(nil)
            return (try extract(image), FrameReuse(computedShare: 1, isWhole: true, error: nil))
        case .reusing(let threshold):
            return try reused(image, threshold, isChecked: false)
        case .checking(let threshold):
            return try reused(image, threshold, isChecked: true)
        }
    }

    private func reused(
        _ image: RGBImage, _ threshold: Float, isChecked: Bool
    ) throws -> (maps: FrameMaps, reuse: FrameReuse) {
        reuse.step = .reusing(threshold: threshold)
        let maps = try extract(image)
        let share = reuse.computedShare
        // Where all has been computed there is nothing to look at.
        guard isChecked, share < 1 else {
            control.note(ReuseControl.Outcome(computedShare: share, error: nil))
            return (maps, FrameReuse(computedShare: share, isWhole: share == 1, error: nil))
        }
        reuse.step = .apart
        let whole = try extract(image)
        let error = MapDifference.levels(maps, whole, of: method)
        control.note(ReuseControl.Outcome(computedShare: share, error: error))
        return (whole, FrameReuse(computedShare: 1 + share, isWhole: true, error: error))
    }
}
