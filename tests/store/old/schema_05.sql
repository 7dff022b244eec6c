BEGIN TRANSACTION;
CREATE TABLE datasets (
    id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, classes TEXT NOT NULL, counts TEXT NOT NULL,
    n_skipped BIGINT NOT NULL, source TEXT NOT NULL, created_at DOUBLE NOT NULL,
    warnings TEXT NOT NULL
);
INSERT INTO "datasets" VALUES('ed186aff75c98794','Björk & <b>','["Björk & <b>", "cat"]','[8, 8]',0,'folder',1.79612893205361557006e+09,'[]');
CREATE TABLE images (
    dataset_id TEXT NOT NULL, position BIGINT NOT NULL,
    sha256 TEXT NOT NULL, name TEXT NOT NULL, class_name TEXT NOT NULL, split TEXT,
    extension TEXT NOT NULL, width BIGINT NOT NULL, height BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, position),
    FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);
INSERT INTO "images" VALUES('ed186aff75c98794',0,'1324ab028933c70f913688e31e9afbea331bb92f52df41f79dc82f770336d741','Björk & <b>/5.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',1,'179789df139563fb1a355345cb5eb4a9e37cd0fe601b7938b8eb525a1747fdae','Björk & <b>/7.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',2,'28ef277df8a2883f7ac1d5d445cba00058cfe06c7f16c771b4d5c6b851af0c1b','Björk & <b>/2.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',3,'7064a279ed78a1dfdb70f3f7452736267451ca6d57fefc39369935a3673c83bc','Björk & <b>/4.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',4,'7718cb1cdfc2a40e71bdfd95ad5dd530a914a53858b1061af58afb78f41e1bc5','Björk & <b>/0.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',5,'cbf823fbea5b5efac817e3ad63772b6aa1631fd04117f505a13c734e872c24c9','Björk & <b>/1.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',6,'ddec8491f47e22da9682de0474dcd6574715297ff3b945e572a374e8c456430d','Björk & <b>/3.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',7,'e3c3e9d7b894c005038c4c2f7d31428522e2c16da8027b1e9b48ca1bc1735bf6','Björk & <b>/6.png','Björk & <b>',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',8,'13b037303c9da76005ec1bf40ca785d0af944e3fd0f9b68a35d1ae90dd27cd4d','cat/6.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',9,'141a7c1a6368c8b896fa3d06707444aaa24e110c1e5905577356ea3f77db3733','cat/4.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',10,'341d8b2035c07c296e015ee21b6850facbf8f86c74c3f5386798b20aedcae13c','cat/7.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',11,'636624e71ff7447c557b21c2f256910ad153e9888f7233b9b9c8afce93b90926','cat/3.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',12,'7afd9738ae890fc6a73c6210b618639f558213ee3881267d6bb98e224ef37234','cat/5.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',13,'9cbf3270f0bc648b01cbd184c0c92327834767d2551d8d792161a2ba4066e10c','cat/1.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',14,'a84e552f5033d399a0db4701ab62e73bada7aadbe5a216f8b80b5010ff4e0648','cat/0.png','cat',NULL,'png',32,32);
INSERT INTO "images" VALUES('ed186aff75c98794',15,'b4c87c76e1d7454c383367ef93ef1ffc69cc840bf9593dd5bdcc6783d0a614eb','cat/2.png','cat',NULL,'png',32,32);
CREATE TABLE metrics (
    run_id TEXT NOT NULL, seq BIGINT NOT NULL, epoch BIGINT NOT NULL,
    step BIGINT NOT NULL, split TEXT NOT NULL, name TEXT NOT NULL, value DOUBLE, n BIGINT NOT NULL,
    PRIMARY KEY (run_id, seq),
    FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "metrics" VALUES('t996skhn',0,1,1,'train','batch_loss',5.53192973136901855468e-01,4);
INSERT INTO "metrics" VALUES('t996skhn',1,1,2,'train','batch_loss',2.95200437307357788085e-01,4);
INSERT INTO "metrics" VALUES('t996skhn',2,1,3,'train','batch_loss',1.64569687843322753906e+00,4);
INSERT INTO "metrics" VALUES('t996skhn',3,1,3,'train','loss',8.31363429625829097879e-01,12);
INSERT INTO "metrics" VALUES('t996skhn',4,1,3,'train','accuracy',5.8333333333333337034e-01,12);
INSERT INTO "metrics" VALUES('t996skhn',5,1,3,'train','learning_rate',9.04508497187473704814e-03,12);
INSERT INTO "metrics" VALUES('t996skhn',6,1,3,'val','loss',38011.4345703125,2);
INSERT INTO "metrics" VALUES('t996skhn',7,1,3,'val','accuracy',0.5,2);
INSERT INTO "metrics" VALUES('t996skhn',8,2,4,'train','batch_loss',8.17896938323974609375e+00,4);
INSERT INTO "metrics" VALUES('t996skhn',9,2,5,'train','batch_loss',1.29068231582641601562e+00,4);
INSERT INTO "metrics" VALUES('t996skhn',10,2,6,'train','batch_loss',1.59292542934417724609e+00,4);
INSERT INTO "metrics" VALUES('t996skhn',11,2,6,'train','loss',3.68752570947011326651e+00,12);
INSERT INTO "metrics" VALUES('t996skhn',12,2,6,'train','accuracy',0.5,12);
INSERT INTO "metrics" VALUES('t996skhn',13,2,6,'train','learning_rate',9.54915028125263268439e-04,12);
INSERT INTO "metrics" VALUES('t996skhn',14,2,6,'val','loss',5.05445092773437500014e+03,2);
INSERT INTO "metrics" VALUES('t996skhn',15,2,6,'val','accuracy',0.5,2);
CREATE TABLE predictions (
    run_id TEXT NOT NULL, split TEXT NOT NULL, epoch BIGINT NOT NULL,
    n_classes BIGINT NOT NULL, positions BLOB NOT NULL, labels BLOB NOT NULL,
    probabilities BLOB NOT NULL,
    PRIMARY KEY (run_id, split),
    FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "predictions" VALUES('t996skhn','val',2,2,X'07000000000000000A00000000000000',X'00000000000000000100000000000000',X'0000803F000000000000803F00000000');
INSERT INTO "predictions" VALUES('t996skhn','best val',2,2,X'07000000000000000A00000000000000',X'00000000000000000100000000000000',X'0000803F000000000000803F00000000');
INSERT INTO "predictions" VALUES('t996skhn','test',2,2,X'01000000000000000E00000000000000',X'00000000000000000100000000000000',X'0000803F000000000000803F00000000');
CREATE TABLE presets (name TEXT NOT NULL PRIMARY KEY, description TEXT NOT NULL, config TEXT NOT NULL, created_at DOUBLE NOT NULL);
CREATE TABLE runs (
    number INTEGER NOT NULL PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    config TEXT NOT NULL, dataset_id TEXT NOT NULL,
    dataset_name TEXT NOT NULL, created_at DOUBLE NOT NULL, started_at DOUBLE, finished_at DOUBLE,
    message TEXT NOT NULL, progress TEXT, epochs_done BIGINT NOT NULL, best_epoch BIGINT,
    val_accuracy DOUBLE, result TEXT, facts TEXT NOT NULL
, requested TEXT, title TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '[]', is_favourite BIGINT NOT NULL DEFAULT 0);
INSERT INTO "runs" VALUES(1,'t996skhn','completed','{"data":{"dataset_id":"ed186aff75c98794","val_fraction":0.15,"test_fraction":0.15,"split_seed":0},"model":{"backbone":"resnet18","pretrained":false,"weights":"imagenet","image_size":32,"frozen_stages":0,"frozen_layers":null,"frozen_names":[],"batch_norm":"frozen","hidden_units":[],"dropout":0.0,"output":"softmax"},"train":{"epochs":2,"batch_size":4,"accumulate":1,"seed":0,"unfreeze":"never","head_epochs":3,"fine_tune_rate":0.1,"unfreeze_every":1,"optimizer":"adamw","momentum":0.9,"learning_rate":null,"backbone_learning_rate":null,"layer_decay":1.0,"schedule":"cosine","warm_up":0.1,"step_epochs":10,"decay":0.5,"plateau_patience":2,"loss":"cross-entropy","focal_gamma":2.0,"label_smoothing":0.0,"class_balance":"none","weight_decay":0.01,"l2_sp":0.0,"mixup":0.0,"cutmix":0.0,"early_stopping":0,"min_delta":0.0,"ema":0.0,"clip_norm":0.0,"views":null,"feature_precision":"float32"},"augment":{"crop":0.5,"flip":true,"vertical_flip":false,"rotation":0.0,"colour":0.2,"blur":0.0,"erasing":0.0,"policy":"none"}}','ed186aff75c98794','Björk & <b>',1.79612893290141677855e+09,1.7961289329042103291e+09,1.79612894249608445167e+09,'','{"stage": "testing", "fraction": 1.0, "detail": "14 of 14 images", "seconds_left": null}',2,2,0.5,'{"n": 2, "loss": 5191.10205078125, "accuracy": 0.5, "precision_macro": 0.25, "recall_macro": 0.5, "f1_macro": 0.3333333333333333, "baseline_accuracy": 0.5}','{"classes": ["Björk & <b>", "cat"], "trainable_parameters": 11177538, "total_parameters": 11177538, "left_to_machine": [], "environment": {"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "timm": "1.0.31", "pillow": "13.0.0", "numpy": "2.4.6"}, "seconds_before": 0.0, "seconds_by_stage": {"reading images": 1.192069796999931, "preparing features": 0.024590457000158494, "training": 7.737032077000549, "testing": 0.5615133169994806}, "device": "CPU (x86_64, 1 thread)", "workers": 2, "weights": "Random weights: the network was not pretrained.", "first_weights": "800e8bb6a17eee18314aa56de39be1989e5810af8246e99e3fa9a28017ad4fce", "majority_label": 0, "splits": {"train": 12, "val": 2, "test": 2}, "split_warnings": ["With only 2 validation images, it is nearly chance which epoch is kept as the best.", "With only 2 test images, the accuracy can only be 0, 50 or 100 %, and its 95 % interval will be up to 81 points wide. About 100 test images are needed to know it to ± 10 points."], "split_fingerprint": {"train": "b7eed785fb2265c1", "val": "edc0f6e31a522678", "test": "4d702e70f737fe67"}, "frozen_stages": 0, "plan": [{"first_epoch": 1, "last_epoch": 2, "frozen_stages": 0, "rates": [0.01, 0.01, 0.01, 0.01, 0.01, 0.01]}], "cached_views": 0, "train_check": {"n": 12, "accuracy": 0.5, "loss": 5112.935302734375}}',NULL,'','','[]',0);
CREATE TABLE schema_version (version BIGINT NOT NULL);
INSERT INTO "schema_version" VALUES(1);
INSERT INTO "schema_version" VALUES(2);
INSERT INTO "schema_version" VALUES(3);
INSERT INTO "schema_version" VALUES(4);
INSERT INTO "schema_version" VALUES(5);
CREATE TABLE skipped_files (
    dataset_id TEXT NOT NULL, position BIGINT NOT NULL,
    name TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (dataset_id, position),
    FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);
CREATE INDEX runs_by_state ON runs (state, number);
CREATE INDEX runs_by_dataset ON runs (dataset_id);
COMMIT;
