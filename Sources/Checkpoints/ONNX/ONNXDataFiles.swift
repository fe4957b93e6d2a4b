import Base
import Files

/// The files beside an ONNX model that hold values, opened when first named.
///
/// Their names come from the model, which may be anybody's: only what lies in the model's own folder is opened.
struct ONNXDataFiles {
    /// In the order in which the model names them.
    private(set) var files: [MappedFile] = []
    private let folder: String
    private var indices: [String: Int] = [:]

    /// Far above what exporters write: one file, or one a tensor.
    private static let mostFiles = 4096

    init(besideModel path: String) { folder = path.parentPath }

    /// The file and the place in it of `byteCount` bytes.
    ///
    /// - Parameter owner: what the values belong to, for the error.
    /// - Throws: `VitvideoError` of kind `badData` where the path leads out of the folder, there is no such file, or
    ///   the place is beyond its end.
    mutating func place(
        _ data: ONNXExternalData, byteCount: Int, owner: String
    ) throws -> (file: Int, range: Range<Int>) {
        if let problem = data.problem { throw VitvideoError.badData("\(owner) names \(problem)") }
        if let length = data.length, length != byteCount {
            throw VitvideoError.badData("\(owner) has \(length) bytes in another file, not \(byteCount)")
        }
        let index = try index(of: data.location, owner: owner)
        let (end, overflow) = data.offset.addingReportingOverflow(byteCount)
        guard !overflow, end <= files[index].count else {
            throw VitvideoError.badData(
                "\(owner) reaches beyond the end of \(quoted(data.location))",
                nextStep: "that file is cut short or another model's: get both again")
        }
        return (index, data.offset..<end)
    }

    private mutating func index(of location: String, owner: String) throws -> Int {
        if let index = indices[location] { return index }
        var parts = location.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count > 1, parts[0] == "." { parts.removeFirst() }
        guard !parts.contains(where: { ["", ".", ".."].contains($0) }), !location.utf8.contains(0) else {
            throw VitvideoError.badData(
                "\(owner) lies in \(quoted(location)), which is no file in its folder",
                nextStep: "load it with onnx.load and save it as a single file")
        }
        guard files.count < Self.mostFiles else {
            throw VitvideoError.badData("its values lie in more than \(Self.mostFiles) files")
        }
        do {
            files.append(try MappedFile.open(folder + "/" + parts.joined(separator: "/")))
        } catch let error as VitvideoError where error.kind == .noInput {
            throw VitvideoError.badData(
                "\(owner) lies in \(quoted(location)), which cannot be read beside it: \(error.reason)",
                nextStep: "put that file there under this name; the exporter wrote both")
        }
        indices[location] = files.count - 1
        return files.count - 1
    }
}
