import Base
import Files
import Pixels
import Probing
import VideoIO

/// Compares masks with the true ones, as the semi-supervised task of DAVIS 2017 does.
///
/// The true masks are the PNG files of a directory in the order of their names, one for each frame from the first on. The
/// objects are those of the first file, 1 to its largest number; index 255, where nobody can tell, counts as background.
/// Frames whose mask was given are left out, and so is the last one. An object's J and F are means over the frames, those
/// of the clip means over the objects.
package final class TruthSink: SegmentationSink {
    package struct ObjectScore: Sendable, Equatable {
        package let object: Int
        /// Region similarity.
        package let region: Double
        /// Boundary accuracy.
        package let boundary: Double
    }

    private let paths: [String]
    private let objects: [UInt8]
    private var position = 0
    /// By object, sums over frames.
    private var sums: [(region: Double, boundary: Double)]
    /// Frames that count.
    package private(set) var frames = 0
    /// Those of the frame before, which count once it is known not to be the last.
    private var pending: [(region: Double, boundary: Double)]?

    /// - Parameters:
    ///   - height: of the frames in pixels.
    /// - Throws: `VitvideoError` of kind `noInput` where the directory cannot be read, `badData` where it holds too few
    ///   masks, or one that is none.
    package init(directory: String, height: Int, width: Int) throws {
        guard let names = FileSystem.names(in: directory) else {
            throw VitvideoError(
                .noInput, cannot: "read", path: directory, reason: "it is no directory that can be read",
                nextStep: .advice("name the directory that holds the true masks"))
        }
        paths = names.filter { $0.pathExtension == "png" }.sorted().map { "\(directory)/\($0)" }
        guard paths.count > 2 else {
            throw VitvideoError(
                .badData, cannot: "compare with", path: directory,
                reason: "it holds \(paths.count) PNG files, and of three masks only the middle one counts",
                nextStep: .advice("give a mask for each frame"))
        }
        let first = try Self.mask(paths[0], height: height, width: width)
        guard first.largestIndex > 0 else {
            throw VitvideoError(
                .badData, cannot: "compare with", path: paths[0], reason: "there is no object in it",
                nextStep: .advice("the first true mask says which objects there are"))
        }
        objects = (1...first.largestIndex).map { UInt8($0) }
        sums = objects.map { _ in (0, 0) }
    }

    package func consume(_ frame: SegmentedFrame) throws {
        guard position < paths.count else { return }
        let path = paths[position]
        position += 1
        count()
        guard !frame.isGiven else { return }
        let truth = try Self.mask(path, height: frame.mask.height, width: frame.mask.width)
        pending = objects.map { object in
            (
                SegmentationScore.region(object, frame.mask, truth: truth),
                SegmentationScore.boundary(object, frame.mask, truth: truth)
            )
        }
    }

    /// Counts the frame before, which is not the last one.
    private func count() {
        guard let scores = pending else { return }
        for (index, score) in scores.enumerated() {
            sums[index].region += score.region
            sums[index].boundary += score.boundary
        }
        frames += 1
        pending = nil
    }

    /// The scores so far; empty where no frame counts.
    package var scores: [ObjectScore] {
        guard frames > 0 else { return [] }
        return zip(objects, sums).map {
            ObjectScore(
                object: Int($0), region: $1.region / Double(frames), boundary: $1.boundary / Double(frames))
        }
    }

    private static func mask(_ path: String, height: Int, width: Int) throws -> IndexMask {
        var mask = try MaskPicture.read(path)
        guard mask.height == height, mask.width == width else {
            throw VitvideoError(
                .badData, cannot: "compare with", path: path,
                reason: "it is \(mask.width)×\(mask.height), and the frames are \(width)×\(height)",
                nextStep: .advice("true masks have the size of the frames"))
        }
        for place in mask.indices.indices where mask.indices[place] == 255 { mask.indices[place] = 0 }
        return mask
    }

    package func finish() throws {}
    package func finishPartial() throws -> [String] { [] }
    package func abandon() {}
    package let temporaryPaths: [String] = []
}
