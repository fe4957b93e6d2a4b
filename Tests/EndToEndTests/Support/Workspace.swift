import Fixtures
import Foundation
import Testing

/// A directory in which the built binary is run, removed with the value.
final class Workspace: TemporaryDirectory {
    /// The binary of this build, which lies beside the test bundle.
    static let binary: String = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return (bundle as NSString).deletingLastPathComponent + "/vitvideo"
    }()

    /// 1280×720, 25 frames a second, 132 frames, with sound.
    static let bunny = Fixtures.media("bigbuckbunny.mp4").path
    /// 640×272, 25 frames a second, 250 frames, silent.
    static let bikes = Fixtures.media("bikes.mp4").path

    static func frame(_ name: String) -> String { Fixtures.media("frames/\(name).png").path }

    /// Variables the binary sets by itself, which the tests' own process may have set as well.
    static let cleared: [String: String?] = ["OPENBLAS_CORETYPE": nil, "OPENBLAS_NUM_THREADS": nil]

    /// Starts `vitvideo` in this directory.
    func start(_ arguments: String..., environment: [String: String?] = [:]) throws -> Program {
        try start(arguments: arguments, environment: environment)
    }

    /// Starts `vitvideo` in this directory.
    func start(arguments: [String], environment: [String: String?] = [:]) throws -> Program {
        try Program(
            Self.binary, arguments, environment: Self.cleared.merging(environment) { $1 }, directory: path)
    }

    /// Runs `vitvideo` in this directory to its end, whatever that is.
    func run(_ arguments: [String], environment: [String: String?] = [:]) throws -> Program.Outcome {
        try Program.run(
            Self.binary, arguments, environment: Self.cleared.merging(environment) { $1 }, directory: path)
    }

    /// Runs `vitvideo` and expects that it does what is asked and says nothing.
    func succeed(
        _ arguments: String..., environment: [String: String?] = [:],
        at location: SourceLocation = #_sourceLocation
    ) throws {
        try succeed(arguments, environment: environment, at: location)
    }

    func succeed(
        _ arguments: [String], environment: [String: String?] = [:],
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try run(arguments, environment: environment)
        #expect(outcome.status == 0, "\(arguments): \(outcome.errors)", sourceLocation: location)
        #expect(outcome.output == "" && outcome.errors == "", sourceLocation: location)
    }

    /// Runs a shell command in this directory, with the binary as `$0` and `arguments` as `$@`.
    func shell(_ script: String, _ arguments: String...) throws -> Program.Outcome {
        try shell(script, arguments: arguments)
    }

    /// Runs a shell command in this directory, with the binary as `$0` and `arguments` as `$@`.
    func shell(_ script: String, arguments: [String]) throws -> Program.Outcome {
        try Program.run(
            "/bin/sh", ["-c", script, Self.binary] + arguments, environment: Self.cleared, directory: path)
    }

    /// Compiles C to a library that can be loaded before others, to take the place of system calls.
    ///
    /// - Returns: its path.
    func library(_ source: String) throws -> String {
        try write(source.utf8, to: "f.c")
        let compiling = try Program.run(
            "clang",
            ["-shared", "-fPIC", "-D_GNU_SOURCE", "-include", "errno.h", "-o", file("f.so"), file("f.c")])
        try #require(compiling.status == 0, "\(compiling.errors)")
        return file("f.so")
    }

    /// Runs FFmpeg on files of this directory.
    func ffmpeg(_ arguments: String..., at location: SourceLocation = #_sourceLocation) throws {
        let outcome = try Program.run(
            "ffmpeg", ["-v", "error", "-nostdin", "-y"] + arguments, directory: path)
        try #require(outcome.status == 0, "\(arguments): \(outcome.errors)", sourceLocation: location)
    }

    func makeDirectory(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: false)
    }

    func bytes(of name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    /// Length in bytes; 0 where there is no such file.
    func size(of name: String) throws -> Int {
        guard FileManager.default.fileExists(atPath: file(name)) else { return 0 }
        return try bytes(of: name).count
    }
}
