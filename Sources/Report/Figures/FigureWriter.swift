import Files
import Glibc
import Methods
import NumPy
import Pipeline
import Pixels
import Rendering
import VideoIO

/// A figure as the page shows it.
struct PageFigure: Sendable {
    /// Relative to the page.
    let file: String
    let height: Int
    let width: Int
    /// A description for readers who cannot see it.
    let text: String
    /// The arrays behind it, relative to the page.
    let arrays: String?
}

/// Puts figures and the arrays behind them into a report's directory.
struct FigureWriter {
    static let figures = "figures"
    static let arrays = "arrays"

    let directory: OutputDirectory
    let version: String

    init(_ directory: OutputDirectory, version: String) throws {
        self.directory = directory
        self.version = version
        try directory.makeDirectory(Self.figures)
        try directory.makeDirectory(Self.arrays)
    }

    /// - Parameters:
    ///   - name: of both files, without extension.
    ///   - arrays: nil where another figure's are the same.
    /// - Throws: `VitvideoError`.
    func write(
        _ name: String, _ image: RGBImage, text: String, arrays: [FigureArray],
        _ provenance: Provenance
    ) throws -> PageFigure {
        let file = "\(Self.figures)/\(name).png"
        try directory.write(try StillImage.pngBytes(image), to: file)
        return PageFigure(
            file: file, height: image.height, width: image.width, text: text,
            arrays: arrays.isEmpty ? nil : try write(name, arrays, provenance))
    }

    /// - Throws: `VitvideoError`.
    func write(_ name: String, _ figure: ChartFigure, text: String, arrays: String?) throws -> PageFigure {
        let file = "\(Self.figures)/\(name).svg"
        try directory.write(try figure.svg(), to: file)
        return PageFigure(
            file: file, height: figure.height, width: figure.width, text: text, arrays: arrays)
    }

    /// Begins an archive that grows with the pictures.
    ///
    /// - Throws: `VitvideoError`.
    func begin(_ name: String) throws -> NPZWriter {
        try NPZWriter(directory.location(of: Self.archive(name)), overwrite: false)
    }

    /// Where an archive is, relative to the page.
    static func archive(_ name: String) -> String { "\(arrays)/\(name).npz" }

    /// - Returns: the archive's name, relative to the page.
    /// - Throws: `VitvideoError`.
    func write(
        _ name: String, _ arrays: [FigureArray], _ provenance: Provenance
    ) throws -> String {
        let file = Self.archive(name)
        let writer = try NPZWriter(directory.location(of: file), overwrite: false)
        for array in arrays { try writer.add(array.name, shape: array.shape, array.values) }
        try writer.add("meta", text: try provenance.json())
        try writer.finish()
        return file
    }
}
