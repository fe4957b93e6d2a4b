import Base
import Glibc
import Pixels
import VideoIO

/// Where a frame is among the files that are searched.
package struct ExamplePlace: Sendable, Hashable {
    /// The file's place in the list.
    package let file: Int
    /// The frame's number in the file, from 0.
    package let frame: Int
    package let seconds: Double

    package init(file: Int, frame: Int, seconds: Double) {
        (self.file, self.frame, self.seconds) = (file, frame, seconds)
    }
}

/// The frames of videos and pictures, file after file. A file that cannot be read, or has a frame that cannot be used, is
/// left out from there on and named: one bad file among thousands is not the end.
///
/// For one thread at a time.
final class ExampleFrames: @unchecked Sendable {
    struct Frame: Sendable {
        let place: ExamplePlace
        let image: RGBImage
    }

    private let paths: [String]
    private let wanted: Set<ExamplePlace>?
    private let check: @Sendable (RGBImage) throws -> Void
    private let onSkip: @Sendable (any Error) -> Void
    private var file = 0
    private var reader: VideoReader?
    private var last = Int.max

    /// - Parameters:
    ///   - wanted: the frames to give; nil for all.
    ///   - check: throws a `VitvideoError` for a frame that cannot be used.
    ///   - onSkip: called with what is wrong with each file that is left out, wholly or from a place on.
    init(
        _ paths: [String], only wanted: Set<ExamplePlace>? = nil,
        check: @escaping @Sendable (RGBImage) throws -> Void, onSkip: @escaping @Sendable (any Error) -> Void
    ) {
        self.paths = paths
        self.wanted = wanted
        self.check = check
        self.onSkip = onSkip
    }

    /// - Returns: nil at the end.
    func next() -> Frame? {
        while file < paths.count {
            do {
                if reader == nil, !(try open()) {
                    file += 1
                    continue
                }
                if let frame = try nextOfFile() { return frame }
            } catch {
                onSkip(error)
            }
            reader?.close()
            reader = nil
            file += 1
        }
        return nil
    }

    /// - Returns: whether anything of the file is wanted.
    private func open() throws -> Bool {
        if let wanted {
            let frames = wanted.filter { $0.file == file }.map(\.frame)
            guard let last = frames.max() else { return false }
            self.last = last
        }
        let (path, report) = (paths[file], onSkip)
        reader = try VideoReader.open(
            path,
            options: ReaderOptions(
                keepAudio: false, threads: 1,
                onWarning: {
                    guard $0.kind == .damage else { return }
                    report(VitvideoError(.badData, path: path, reason: $0.message))
                }))
        return true
    }

    private func nextOfFile() throws -> Frame? {
        while let reader, let frame = try reader.nextFrame(), frame.index <= last {
            let place = ExamplePlace(file: file, frame: frame.index, seconds: frame.time.seconds)
            guard wanted?.contains(place) ?? true else { continue }
            try locating("use", paths[file]) { try check(frame.image) }
            return Frame(place: place, image: frame.image)
        }
        return nil
    }
}
