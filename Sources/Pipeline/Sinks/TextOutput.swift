import Foundation
import VideoIO

/// A file that is written piece by piece and appears under its name only when complete.
final class TextOutput {
    private let file: OutputFile
    private let handle: FileHandle
    private let path: String
    private var pending = Data()
    /// Bytes gathered before they go to the file.
    private static let bufferSize = 1 << 16

    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    init(path: String, overwrite: Bool) throws {
        self.path = path
        file = try OutputFile(path: path, overwrite: overwrite)
        do {
            handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file.temporaryPath))
        } catch {
            file.abandon()
            throw Self.failure(path, error)
        }
    }

    /// - Throws: `PipelineError` of kind `inputOutput`.
    func write(_ text: String) throws { try write(Data(text.utf8)) }

    /// - Throws: `PipelineError` of kind `inputOutput`.
    func write(_ bytes: Data) throws {
        pending.append(bytes)
        if pending.count >= Self.bufferSize { try flush() }
    }

    /// Gives the file its name, or `other` in place of whatever is there.
    ///
    /// - Throws: `PipelineError` of kind `inputOutput`, `VitvideoError` where the name was taken meanwhile;
    ///   nothing is left behind then.
    func finish(as other: String? = nil) throws {
        do {
            try flush()
            do { try handle.close() } catch { throw Self.failure(path, error) }
            try file.commit(as: other)
        } catch {
            file.abandon()
            throw error
        }
    }

    func abandon() { file.abandon() }

    var temporaryPath: String { file.temporaryPath }

    private func flush() throws {
        do {
            try handle.write(contentsOf: pending)
        } catch {
            throw Self.failure(path, error)
        }
        pending.removeAll(keepingCapacity: true)
    }

    private static func failure(_ path: String, _ error: any Error) -> PipelineError {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        let code = Int32((underlying ?? error as NSError).code)
        let reason = underlying == nil ? error.localizedDescription : String(cString: strerror(code))
        return PipelineError(.inputOutput, "cannot write \(path): \(reason)")
    }
}
