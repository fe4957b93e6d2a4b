import Base
import Methods
import Pixels
import ViT
import VideoIO

/// One of the pictures a report is made of, on its way to the models.
struct SourcePicture: Sendable {
    enum Content: Sendable {
        /// - Parameter isShown: whether it is one of those shown one by one.
        case picture(RGBImage, isShown: Bool)
        /// What is wrong with it, in one line.
        case unusable(String)
    }

    let path: String
    let content: Content
}

/// Reads pictures one after the other. What cannot be read, is damaged, holds no whole patch or far too many comes as such: one
/// bad file among thousands is not the end.
///
/// Safe to hand over: once a job runs, only its source thread touches it.
final class PictureSource: @unchecked Sendable {
    private var paths: ArraySlice<String>
    private let subjects: [ReportSubject]
    /// How many are still to be shown one by one.
    private var toShow: Int
    /// Whether others are read too, for what is of all pictures.
    private let readsAll: Bool
    private let allowsHugePictures: Bool
    private let words: (NextStep) -> String?

    /// - Parameters:
    ///   - allowsHugePictures: whether pictures of more patches than `HugeFrame.limit` are given.
    ///   - words: how to say a next step.
    init(
        paths: [String], subjects: [ReportSubject], options: ReportOptions, allowsHugePictures: Bool,
        words: @escaping (NextStep) -> String?
    ) {
        self.paths = paths[...]
        self.words = words
        self.allowsHugePictures = allowsHugePictures
        self.subjects = subjects
        toShow = options.figures
        readsAll = !options.surveys.isEmpty
    }

    /// - Returns: nil at the end. Where only a few are shown, one that cannot be used makes way for the next.
    func next() -> SourcePicture? {
        guard readsAll || toShow > 0, let path = paths.popFirst() else { return nil }
        let image: RGBImage
        do {
            image = try Self.read(path)
        } catch {
            return SourcePicture(path: path, content: .unusable(line(of: error)))
        }
        do {
            for subject in subjects {
                let huge = try HugeFrame(of: subject.probed, height: image.height, width: image.width)
                if let huge, !allowsHugePictures { throw huge.refusal }
            }
        } catch {
            return SourcePicture(path: path, content: .unusable("cannot use \(path): \(line(of: error))"))
        }
        defer { toShow = max(0, toShow - 1) }
        return SourcePicture(path: path, content: .picture(image, isShown: toShow > 0))
    }

    private func line(of error: any Error) -> String {
        (error as? VitvideoError)?.line(words) ?? "\(error)"
    }

    /// - Throws: `VitvideoError`, also for a picture that is there in part only.
    static func read(_ path: String) throws -> RGBImage {
        let reader = try VideoReader.open(path, options: ReaderOptions(keepAudio: false, threads: 1))
        defer { reader.close() }
        guard let frame = try reader.nextFrame() else {
            throw VitvideoError(
                .badData, cannot: "read", path: path, reason: "it holds no picture")
        }
        // That its end is missing, a picture only says there.
        if reader.info.isStill { while try reader.nextFrame() != nil {} }
        if let damage = reader.warnings.first(where: { $0.kind == .damage }) {
            throw VitvideoError(
                .badData, cannot: "use", path: path, reason: "\(damage)")
        }
        return frame.image
    }
}
