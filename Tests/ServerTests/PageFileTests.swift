import Fixtures
import Foundation
import Page
import Testing

/// The page in the program is the one in the sources, and asks for nothing from elsewhere.
@Suite struct PageFileTests {
    private static let folder = Fixtures.packageRoot.appendingPathComponent("Sources/Page/Files")

    @Test func everyFileIsInTheProgram() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(Set(PageFile.all.map { $0.name.split(separator: "/").last.map(String.init) }) == Set(names))
        for file in PageFile.all {
            let name = file.name.split(separator: "/").last.map(String.init) ?? ""
            #expect(try Data(contentsOf: Self.folder.appendingPathComponent(name)) == Data(file.bytes))
        }
    }

    @Test func theyNameEachOtherAndNothingElse() {
        for file in PageFile.all {
            let text = String(decoding: file.bytes, as: UTF8.self).replacing(
                "http://www.w3.org/2000/svg", with: "")
            #expect(!text.contains("http://") && !text.contains("https://"), "\(file.name)")
            #expect(
                !text.contains(" style=") && !text.contains(" onclick="),
                "\(file.name): the policy forbids it")
            for match in text.matches(of: /(?:from "\.\/|href="\/assets\/|src="\/assets\/)([a-z.]+)"/) {
                #expect(PageFile.named("assets/\(match.output.1)") != nil, "\(file.name): \(match.output.1)")
            }
        }
    }
}
