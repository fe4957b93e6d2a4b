import Checkpoints
import Foundation
import Pixels
import Rendering
import VideoIO

/// A figure as the page shows it.
struct PageFigure: Sendable {
    /// Relative to the page.
    let file: String
    let height: Int
    let width: Int
    /// What is to be seen, for who does not see it.
    let text: String
    /// The arrays behind it, relative to the page.
    let arrays: String?
}

/// An array behind a figure.
struct FigureArray {
    let name: String
    let shape: [Int]
    let values: [Float]

    init(_ name: String, _ shape: [Int], _ values: [Float]) {
        (self.name, self.shape, self.values) = (name, shape, values)
    }

    /// Maps of one size, stacked: `maps × rows × columns`, or with further dimensions in front.
    init(_ name: String, _ maps: [Plane], front: [Int]? = nil) {
        let (rows, columns) = (maps.first?.height ?? 0, maps.first?.width ?? 0)
        self.init(name, (front ?? [maps.count]) + [rows, columns], maps.flatMap(\.values))
    }
}

/// How a figure's arrays came about; the names in snake case are the keys of the JSON in `meta`.
struct FigureProvenance: Encodable {
    let model: String
    let weightsSha256: String
    let patch: Int
    /// The picture's path as it was given; nil where it is of the model alone or of all pictures.
    let picture: String?
    /// What the model was given, in pixels; nil with the picture.
    let inputHeight: Int?
    let inputWidth: Int?
    let version: String

    init(
        _ subject: ReportSubject, picture: (path: String, height: Int, width: Int)? = nil, version: String
    ) {
        model = subject.model.name
        weightsSha256 = subject.model.weightsHash
        patch = subject.model.configuration.patchSize
        self.picture = picture?.path
        inputHeight = picture?.height
        inputWidth = picture?.width
        self.version = version
    }

    /// - Throws: what `JSONEncoder` does.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

/// Puts figures and the arrays behind them into a report's directory.
struct FigureWriter {
    static let figures = "figures"
    static let arrays = "arrays"

    let directory: ReportDirectory
    let version: String

    init(_ directory: ReportDirectory, version: String) throws {
        self.directory = directory
        self.version = version
        try directory.makeDirectory(Self.figures)
        try directory.makeDirectory(Self.arrays)
    }

    /// - Parameters:
    ///   - name: of both files, without extension.
    ///   - arrays: nil where another figure's are the same.
    /// - Throws: `VitvideoError`, `CheckpointError`, `ReportError`.
    func write(
        _ name: String, _ image: RGBImage, text: String, arrays: [FigureArray],
        _ provenance: FigureProvenance
    ) throws -> PageFigure {
        let file = "\(Self.figures)/\(name).png"
        try directory.write(try StillImage.pngBytes(image), to: file)
        return PageFigure(
            file: file, height: image.height, width: image.width, text: text,
            arrays: arrays.isEmpty ? nil : try write(name, arrays, provenance))
    }

    /// - Throws: `RenderingError`, `ReportError`.
    func write(_ name: String, _ figure: ChartFigure, text: String, arrays: String?) throws -> PageFigure {
        let file = "\(Self.figures)/\(name).svg"
        try directory.write(try figure.svg(), to: file)
        return PageFigure(
            file: file, height: figure.height, width: figure.width, text: text, arrays: arrays)
    }

    /// Where an archive is, relative to the page.
    static func archive(_ name: String) -> String { "\(arrays)/\(name).npz" }

    /// - Returns: the archive's name, relative to the page.
    /// - Throws: `CheckpointError`.
    func write(
        _ name: String, _ arrays: [FigureArray], _ provenance: FigureProvenance
    ) throws -> String {
        let file = Self.archive(name)
        let writer = try NPZWriter(directory.location(of: file), overwrite: false)
        for array in arrays { try writer.add(array.name, shape: array.shape, array.values) }
        try writer.add("meta", text: try provenance.json())
        try writer.finish()
        return file
    }
}
