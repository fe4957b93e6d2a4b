import Pixels
import VideoIO

/// A form that masks are written in: pictures, COCO's JSON. Works under a temporary name. Of `finish`, `finishPartial`
/// and `abandon` the first one counts.
package protocol MaskOutput: AnyObject {
    /// Takes the next frame's mask, which has the frame's size.
    ///
    /// - Parameters:
    ///   - frame: its number in the source.
    ///   - timeSeconds: when the source shows it.
    func add(_ mask: IndexMask, frame: Int, timeSeconds: Double) throws

    /// Completes the output and gives it its name.
    func finish() throws

    /// Completes what there is.
    ///
    /// - Returns: the name that has; nil where there was nothing to keep.
    func finishPartial() throws -> String?

    /// Removes what was written.
    func abandon()

    /// Unfinished files, to remove where the process ends at once.
    var temporaryPaths: [String] { get }
}

extension MaskWriter: MaskOutput {
    package func add(_ mask: IndexMask, frame: Int, timeSeconds: Double) throws { try write(mask) }
}
