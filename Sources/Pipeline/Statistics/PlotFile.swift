import Base
import Files
import Rendering
import VideoIO

/// A figure's file: PNG or SVG, as the name's extension says.
final class PlotFile {
    let path: String
    private let output: AtomicFile
    private let isSVG: Bool

    /// - Throws: `VitvideoError` of kind `usage` for another extension, `VitvideoError` of kind `cannotCreate`.
    init(_ path: String, overwrite: Bool) throws {
        switch path.pathExtension {
        case "png": isSVG = false
        case "svg": isSVG = true
        default: throw VitvideoError(.usage, reason: "cannot plot to \(path): plots are .png or .svg files")
        }
        self.path = path
        output = try AtomicFile(path, overwrite: overwrite, wording: .negatedCode)
    }

    var temporaryPaths: [String] { [output.temporaryPath] }

    /// Draws the figure and gives the file its name, or another.
    func finish(_ figure: ChartFigure, as name: String?) throws {
        try output.write(isSVG ? try figure.svg() : try StillImage.pngBytes(figure.image()))
        try output.commit(as: name)
    }

    func abandon() { output.abandon() }
}
