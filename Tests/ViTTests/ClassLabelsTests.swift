import Base
import Fixtures
import Testing
import ViT

/// Lists of class names.
@Suite struct ClassLabelsTests {
    @Test func namesAreReadFromText() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a\r\nb\r\n\n".utf8, to: "list.txt")
        #expect(try ClassLabels(contentsOf: path).names == ["a", "b"])
        #expect(try ClassLabels(contentsOf: path, count: 2).names == ["a", "b"])
        #expect(throws: VitvideoError.labelsDoNotFit(path: path, problem: "has 2 names, not 3")) {
            try ClassLabels(contentsOf: path, count: 3)
        }
    }

    @Test(arguments: [("", "is empty"), ("a\0b", "is not a text file")])
    func whatIsNoListIsRefused(text: String, problem: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(text.utf8, to: "list.txt")
        #expect(throws: VitvideoError.labelsDoNotFit(path: path, problem: problem)) {
            try ClassLabels(contentsOf: path)
        }
        let missing = directory.file("none.txt")
        let error = #expect(throws: VitvideoError.self) { try ClassLabels(contentsOf: missing) }
        #expect(error?.kind == .badData)
        #expect(error?.description == "\(missing): cannot be read; expected one class name a line")
    }

    @Test func theMostProbableComeFirst() {
        let top = ClassLabels(names: ["a", "b_c, d", "e"]).top(2, of: [0, 2, 2])
        #expect(top.map(\.index) == [1, 2] && top.map(\.name) == ["b c", "e"])
        #expect(abs(top[0].probability - 0.46831) < 1e-4)
        #expect(ClassLabels(names: []).top(5, of: []).isEmpty)
    }
}
