import Base
import Files
import Pixels

/// Writes masks as indexed PNG files with the palette of DAVIS: one, or numbered ones from 1 on (`out-%05d.png`).
///
/// It ends as a `VideoWriter` does: of `finish`, `finishPartial` and `abandon` the first one counts, and a writer that
/// is freed without any of them is abandoned. For one thread at a time.
package final class MaskWriter {
    package let path: String
    private enum Place {
        case single(AtomicFile)
        case numbered(NumberedFiles)
    }
    private let place: Place
    private var encoder: MaskEncoder?
    private var count = 0
    private var isOpen = true

    /// - Parameters:
    ///   - overwrite: whether existing files are replaced.
    ///   - onWarning: called where the file system has no locks.
    /// - Throws: `VitvideoError`: `usage` for a name that is not a PNG file's, `cannotCreate` where it is taken or the
    ///   directory does not take a file.
    package init(
        _ path: String, overwrite: Bool = false, onWarning: (@Sendable (MediaWarning) -> Void)? = nil
    ) throws {
        MediaLog.install()
        try Self.check(path)
        self.path = path
        let options = WriterOptions(overwrite: overwrite, onWarning: onWarning)
        let log = WarningLog(onWarning)
        place =
            NumberedName(pattern: path) == nil
            ? .single(try AtomicFile(path, options, log))
            : .numbered(try NumberedFiles(path, options: options, log: log))
    }

    deinit { abandon() }

    /// - Throws: `VitvideoError` of kind `usage` for a name that is not a PNG file's.
    package static func check(_ path: String) throws {
        guard path.pathExtension == "png" else {
            throw VitvideoError(
                .usage, cannot: "write masks to", path: path,
                reason: "they are PNG files, whose indices last",
                nextStep: .advice("use a name such as \(OutputFormat.withExtension("png", path))"))
        }
    }

    /// What writing a second mask to an output of that name would throw; nil where there is room for it.
    package static func refusalOfSecondMask(_ path: String) -> VitvideoError? {
        NumberedName(pattern: path) == nil ? StillOutput.secondFrame(path) : nil
    }

    /// Unfinished files, to remove where the process ends at once. They are the same from the start on.
    package var temporaryPaths: [String] {
        if case .single(let file) = place { [file.temporaryPath] } else { [] }
    }

    /// Writes the next mask, of any size.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput` where the file cannot be written.
    package func write(_ mask: IndexMask) throws {
        let size = PictureSize(height: mask.height, width: mask.width)
        let encoder = try encoder.flatMap { $0.size == size ? $0 : nil } ?? MaskEncoder(size: size)
        self.encoder = encoder
        let bytes = try encoder.encode(mask)
        switch place {
        case .single(let file):
            guard count == 0 else { throw StillOutput.secondFrame(path) }
            try file.write(bytes)
        case .numbered(let files): try files.write(bytes)
        }
        count += 1
    }

    /// Completes the output and gives it its name.
    ///
    /// - Throws: `VitvideoError`; nothing is left behind then.
    package func finish() throws { try finish(as: nil) }

    /// Completes what there is: numbered masks, which are complete one by one, under their names, a single one as
    /// `out.partial.png`.
    ///
    /// - Returns: that name; nil where no mask was written.
    package func finishPartial() throws -> String? {
        guard count > 0 else {
            abandon()
            return nil
        }
        guard case .single = place else {
            try finish(as: nil)
            return path
        }
        let name = OutputFormat.partialName(of: path)
        try finish(as: name)
        return name
    }

    /// Removes what was written. Does nothing after another ending.
    package func abandon() {
        guard isOpen else { return }
        isOpen = false
        switch place {
        case .single(let file): file.abandon()
        case .numbered(let files): files.abandon()
        }
    }

    private func finish(as name: String?) throws {
        guard isOpen else { return }
        do {
            guard count > 0 else {
                throw VitvideoError(
                    .badData, cannot: "write", path: path, reason: "there is not one frame to write")
            }
            switch place {
            case .single(let file): try file.commit(as: name)
            case .numbered(let files): try files.finish()
            }
        } catch {
            abandon()
            throw error
        }
        isOpen = false
    }
}
