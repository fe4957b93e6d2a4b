import Base
import Foundation

/// Lines that are the result of a command.
enum StandardOutput {
    /// Writes a line; the names of files in it are their bytes, as other programs want them.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    static func line(_ text: String) {
        FileHandle.standardOutput.write(Data(FileName.bytes(of: text + "\n")))
    }
}
