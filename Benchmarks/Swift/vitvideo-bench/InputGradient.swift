import ArgumentParser
import Files
import Graph
import NumPy
import Probing

/// The gradient of a class's logit by the picture, of a transformer of any build:
/// `Tests/Fixtures/check_graph_models.py` holds it to PyTorch's.
struct InputGradient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "input-gradient", abstract: "Write the gradient of a class's logit by the picture.")

    @Option(help: "An ONNX model, or weights of a family that is known.")
    var weights: String

    @Option(help: "A NumPy archive whose 'input', 1 × 3 × height × width, is the normalized picture.")
    var input: String

    @Option(name: .customLong("class"), help: "The class's number.")
    var index: Int

    @Option(name: .shortAndLong, help: "The NumPy file to write, 3 × height × width.")
    var output: String

    func run() throws {
        guard let model = try GraphModel.open(weights) else {
            throw ValidationError("\(weights) is of no family that is known")
        }
        let picture = try NPZReader(archive: ZipArchive.open(input)).array("input")
        guard picture.shape.count == 4, picture.shape[0] == 1, picture.shape[1] == 3 else {
            throw ValidationError("'input' is not 1 × 3 × height × width")
        }
        let instance = try model.instance(height: picture.shape[2], width: picture.shape[3])
        let gradient = try GraphPixelGradient(instance, target: .logit(index)).run(picture.floats()).gradient
        let file = try AtomicFile(output, overwrite: true)
        try file.write(NPYFile.bytes(of: gradient, shape: Array(picture.shape[1...])))
        try file.commit()
    }
}
