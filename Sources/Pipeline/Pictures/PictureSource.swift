import Base
import Pixels
import VideoIO

/// One of many pictures, on its way to the models.
package struct SourcePicture: Sendable {
    package enum Content: Sendable {
        case picture(RGBImage)
        /// What is wrong with it; says which picture it is.
        case unusable(VitvideoError)
    }

    package let path: String
    /// Its place among those named, from 0.
    package let place: Int
    package let content: Content
}

/// Reads pictures one after the other. What cannot be read, is damaged, or is refused by whoever is to use it comes as
/// such: one bad file among thousands is not the end.
///
/// Safe to hand over: once a job runs, only its source thread touches it.
package final class PictureSource: @unchecked Sendable {
    private let paths: [String]
    private let check: @Sendable (RGBImage) throws -> Void
    private var place = 0

    /// - Parameter check: throws a `VitvideoError` for a picture that cannot be used: of no whole patch, of far too many.
    package init(paths: [String], check: @escaping @Sendable (RGBImage) throws -> Void) {
        self.paths = paths
        self.check = check
    }

    /// - Returns: nil at the end.
    package func next() -> SourcePicture? {
        guard place < paths.count else { return nil }
        defer { place += 1 }
        return SourcePicture(path: paths[place], place: place, content: content(of: paths[place]))
    }

    private func content(of path: String) -> SourcePicture.Content {
        do {
            let image = try VideoReader.picture(in: path)
            try locating("use", path) { try check(image) }
            return .picture(image)
        } catch {
            return .unusable(
                error as? VitvideoError ?? VitvideoError(.badData, path: path, reason: "\(error)"))
        }
    }
}

/// What became of pictures.
package struct PictureCounts: Sendable, Equatable {
    package var used = 0
    /// One line on each that was left out.
    package var skipped: [String] = []

    package init(used: Int = 0, skipped: [String] = []) {
        self.used = used
        self.skipped = skipped
    }

    /// What to say where none could be used; nil where some could, or there was none.
    package var nothingUsed: VitvideoError? {
        guard used == 0, let reason = skipped.first else { return nil }
        return VitvideoError(
            .badData,
            reason: skipped.count == 1
                ? reason : "none of \(skipped.count) pictures could be used; the first: \(reason)")
    }
}
