from assay import main

main()
