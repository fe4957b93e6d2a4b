import Archives
import ArgumentParser
import Base

extension ArchiveNumber: ExpressibleByArgument {}

/// What `--export` and `--dtype` are told in every command that has them.
enum ExportArgument {
    static let numberHelp: ArgumentHelp = """
        Numbers of the exported maps and logits: float32 or float16, rounded to the nearest; a value beyond ±65504 \
        becomes infinity, which is told. Needs --export. (default: float32)
        """

    /// The path as it was given, but for what a shell's completion puts behind a directory's name.
    static func path(_ argument: String) -> String {
        ArchiveFormat(path: argument) == .zarr ? argument.withoutTrailingSlashes : argument
    }

    /// - Throws: `ValidationError` for a name of no format, and for a number format of nothing.
    static func check(_ path: String?, _ number: ArchiveNumber?) throws {
        guard let path else {
            if let number {
                throw ValidationError(
                    "--dtype \(number.rawValue) is the numbers' of --export, which is not given")
            }
            return
        }
        guard ArchiveFormat(path: path) == nil else { return }
        throw ValidationError(
            path.pathExtension == "csv"
                ? "--export writes arrays to \(ArchiveFormat.list); for a table use --stats \(path)"
                : "--export writes arrays to \(ArchiveFormat.list), which the name's extension tells; "
                    + "\(quoted(path)) has none of them")
    }

    /// The warning of a value that float16 does not hold.
    static func warning(of overflow: ArrayOverflow) -> String {
        "\(overflow.array) of the export holds values beyond float16, first \(overflow.value) in its row \(overflow.row); "
            + "they are stored as infinity, and --dtype float32 holds them"
    }
}
